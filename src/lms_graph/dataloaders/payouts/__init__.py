"""Loaders of payouts."""

from lms_graph.dataloaders.payouts.ledger import LedgerLoaders


class PayoutsLoaders(LedgerLoaders):
    pass
