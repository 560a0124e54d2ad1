"""The house speaks with the Stripe that its settings name."""

import pytest

from lms_graph.adapters import Adapters
from lms_graph.domain.payouts.ports import Balance
from lms_graph.integrations.twins.stripe import StripeTwin
from lms_graph.integrations.twins.stripe.objects import Owner

pytestmark = pytest.mark.anyio


async def test_what_lies_at_stripe_is_known_here(stripe: StripeTwin, adapters: Adapters) -> None:
    stripe.balances.settles_after = 60
    stripe.top_up(1200, "jpy")
    stripe.payments.charge(stripe.payments.intent(Owner(), 1000, "eur"), stripe.customers.card(Owner()))
    assert await adapters.payments.gateway().balance() == [Balance(currency="EUR", available=0, pending=941), Balance(currency="JPY", available=1200, pending=0)]
