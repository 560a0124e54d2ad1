"""How often checkouts may be begun: each asks the payment provider for something, and may hold a coupon."""

from lms_graph.kit.caller import Caller
from lms_graph.kit.throttle import Bucket, Limit, network_of

CHECKOUT_FROM_NETWORK = Limit("checkout-network", at_once=60, every=10)
CHECKOUT_OF_BUYER = Limit("checkout-buyer", at_once=30, every=60)


def checkout(caller: Caller, buyer: str) -> tuple[Bucket, ...]:
    """What beginning a checkout takes from: of the network, and of the account or address. A school's server with a key counts to neither."""
    if caller.key_id is not None:
        return ()
    return CHECKOUT_FROM_NETWORK.of(caller.tenant_id, network_of(caller.address)), CHECKOUT_OF_BUYER.of(caller.tenant_id, buyer)
