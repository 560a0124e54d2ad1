"""Loaders of commerce, a module per noun."""

from lms_graph.dataloaders.commerce.offers import OfferLoaders
from lms_graph.dataloaders.commerce.orders import OrderLoaders


class CommerceLoaders(OfferLoaders, OrderLoaders):
    pass
