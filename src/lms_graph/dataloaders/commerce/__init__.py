"""Loaders of commerce, a module per noun."""

from lms_graph.dataloaders.commerce.offers import OfferLoaders


class CommerceLoaders(OfferLoaders):
    pass
