"""How often checkouts may be begun, for each asks the payment provider for something; how many codes of coupons may be tried; how often tax is asked for, which the provider charges for."""

from lms_graph.kit.caller import Caller
from lms_graph.kit.throttle import Bucket, Limit, network_of

CHECKOUT_FROM_NETWORK = Limit("checkout-network", at_once=60, every=10)
CHECKOUT_OF_BUYER = Limit("checkout-buyer", at_once=30, every=60)
FREE_OF_ADDRESS = Limit("free-purchase-address", at_once=5, every=3600)
COUPON_FROM_NETWORK = Limit("coupon-network", at_once=60, every=10)
COUPON_OF_ACCOUNT = Limit("coupon-account", at_once=20, every=60)
TAX_FROM_NETWORK = Limit("tax-network", at_once=120, every=2)


def checkout(caller: Caller, buyer: str) -> tuple[Bucket, ...]:
    """What beginning a checkout takes from: of the network, and of the account or address. A school's server with a key counts to neither."""
    if caller.key_id is not None:
        return ()
    return CHECKOUT_FROM_NETWORK.of(caller.tenant_id, network_of(caller.address)), CHECKOUT_OF_BUYER.of(caller.tenant_id, buyer)


def free_purchase(caller: Caller, address: str) -> tuple[Bucket, ...]:
    """What a visitor's purchase that costs nothing takes from: each sends a mail to an address that nobody has proved."""
    return () if caller.account_id is not None or caller.key_id is not None else (FREE_OF_ADDRESS.of(caller.tenant_id, address),)


def coupon_guess(caller: Caller) -> tuple[Bucket, ...]:
    """What bringing a coupon's code takes from; a known one is given back."""
    if caller.key_id is not None or caller.is_system:
        return ()
    of_account = (COUPON_OF_ACCOUNT.of(caller.tenant_id, caller.account_id),) if caller.account_id is not None else ()
    return (COUPON_FROM_NETWORK.of(caller.tenant_id, network_of(caller.address)), *of_account)


def tax(caller: Caller) -> tuple[Bucket, ...]:
    """What asking the payment provider for tax takes from."""
    return () if caller.key_id is not None or caller.is_system else (TAX_FROM_NETWORK.of(caller.tenant_id, network_of(caller.address)),)
