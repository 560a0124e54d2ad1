"""Stripe as far as we speak with it, with a state and a clock of its own: the API on which the real `stripe` library works, pages where people pay, signed webhooks.

https://docs.stripe.com/api, version 2026-10-28.endive
"""

from lms_graph.integrations.twins.stripe.twin import DAY, TEST_KEY, WEBHOOK_SECRET, Fault, StripeTwin

__all__ = ["DAY", "TEST_KEY", "WEBHOOK_SECRET", "Fault", "StripeTwin"]
