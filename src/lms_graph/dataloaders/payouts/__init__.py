"""Loaders of payouts, by noun."""

from lms_graph.dataloaders.payouts.ledger import LedgerLoaders
from lms_graph.dataloaders.payouts.payees import PayeeLoaders


class PayoutsLoaders(PayeeLoaders, LedgerLoaders):
    pass
