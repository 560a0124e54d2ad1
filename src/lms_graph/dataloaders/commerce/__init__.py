"""Loaders of commerce, a module per noun."""

from lms_graph.dataloaders.commerce.seats import SeatLoaders


class CommerceLoaders(SeatLoaders):
    pass
