"""Loaders of commerce, a module per noun."""

from lms_graph.dataloaders.commerce.invoices import InvoiceLoaders
from lms_graph.dataloaders.commerce.offers import OfferLoaders
from lms_graph.dataloaders.commerce.orders import OrderLoaders
from lms_graph.dataloaders.commerce.plans import PlanLoaders
from lms_graph.dataloaders.commerce.refunds import RefundLoaders
from lms_graph.dataloaders.commerce.seats import SeatLoaders


class CommerceLoaders(OfferLoaders, OrderLoaders, RefundLoaders, SeatLoaders, PlanLoaders, InvoiceLoaders):
    pass
