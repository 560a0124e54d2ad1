"""What is kept of an event of the payment provider."""

from collections.abc import Mapping
from typing import Any

# How somebody paid, and where they live, is the provider's to keep: nothing here needs it.
NOT_KEPT = frozenset(
    {
        "payment_method_details",
        "customer_details",
        "customer_address",
        "address",
        "payment_method_options",
        "card",
        "billing_details",
        "shipping",
        "shipping_details",
        "client_secret",
        "receipt_url",
    }
)


def kept(value: Any) -> Any:
    """The payload without anything about cards and addresses, at any depth."""
    if isinstance(value, Mapping):
        return {name: kept(inner) for name, inner in value.items() if name not in NOT_KEPT}
    return [kept(inner) for inner in value] if isinstance(value, list | tuple) else value
