"""Loaders of payouts, by noun."""

from lms_graph.dataloaders.payouts.payees import PayeeLoaders


class PayoutsLoaders(PayeeLoaders):
    pass
