"""Idempotency keys as promised: https://docs.stripe.com/api/idempotent_requests"""

from dataclasses import dataclass, field
from typing import Any

from lms_graph.integrations.twins.stripe.errors import StripeError, invalid
from lms_graph.integrations.twins.stripe.objects import Owner

KEPT_SECONDS = 24 * 3600
MAX_KEY = 255


@dataclass
class Kept:
    """What a key stands for: the request it came with and, once it has been answered, the answer."""

    request: tuple[str, str, str]
    at: int
    answer: tuple[int, dict[str, Any]] | None = None


@dataclass
class Keys:
    """Keys of each owner. The first status and body are answered again, 500 too; only what never began to execute is forgotten."""

    known: dict[tuple[Owner, str], Kept] = field(default_factory=dict)

    def begin(self, owner: Owner, key: str, request: tuple[str, str, str], now: int) -> Kept:
        """Raises when the key is another request's, or its first request still runs."""
        if len(key) > MAX_KEY:
            raise invalid(f"Idempotency keys must be at most {MAX_KEY} characters.")
        for place in [place for place, kept in self.known.items() if kept.answer and kept.at + KEPT_SECONDS < now]:
            del self.known[place]
        kept = self.known.get((owner, key))
        if kept is None:
            kept = self.known[owner, key] = Kept(request, now)
            return kept
        if kept.request != request:
            message = f"Keys for idempotent requests can only be used with the same parameters they were first used with. Try using a key other than '{key}' if you meant to execute a different request."
            raise StripeError(400, message, type="idempotency_error", kept=False)
        if kept.answer is None:
            message = (
                "There is currently another in-progress request using this Idempotent Key (that probably means you submitted twice, and the other request is still going through): "
                f"{key}. Please try again later."
            )
            raise StripeError(409, message, code="idempotency_key_in_use", kept=False)
        return kept

    def forget(self, owner: Owner, key: str) -> None:
        self.known.pop((owner, key), None)
