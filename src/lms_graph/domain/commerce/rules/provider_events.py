"""What is kept of an event of the payment provider."""

from collections.abc import Mapping
from typing import Any

# How somebody pays or is paid, who they are and where they live, and what opens a payment, is the provider's to keep: nothing here needs it.
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
        "receipt_email",
        "receipt_number",
        "customer_email",
        "customer_name",
        "customer_phone",
        "customer_shipping",
        "customer_tax_ids",
        "collected_information",
        "custom_fields",
        "hosted_invoice_url",
        "invoice_pdf",
        "evidence",
        "email",
        "individual",
        "company",
        "business_profile",
        "external_accounts",
        "support_address",
        "tos_acceptance",
    }
)


def kept(value: Any) -> Any:
    """The payload without anything about cards and addresses, at any depth."""
    if isinstance(value, Mapping):
        return {name: kept(inner) for name, inner in value.items() if name not in NOT_KEPT}
    return [kept(inner) for inner in value] if isinstance(value, list | tuple) else value
