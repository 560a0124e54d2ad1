"""Where no payment provider is set: what costs nothing can be had, and nothing else."""

from lms_graph.domain.payouts.ports import EventRefused, OwnProvider, PaymentGateway, PaymentsNotConfigured, ProviderEvent


class NoPayments:
    """Takes no money, and never pretends to."""

    def gateway(self, own: OwnProvider | None = None) -> PaymentGateway:
        raise PaymentsNotConfigured()

    def read_event(self, body: bytes, signature: str | None, own: OwnProvider | None = None) -> ProviderEvent:
        raise EventRefused("no payment provider is set")
