"""Refusals as Stripe words them. https://docs.stripe.com/error-codes"""

from typing import Any


class StripeError(Exception):
    """`kept`: the request had begun to execute, so that its idempotency key answers the same again."""

    def __init__(
        self, status: int, message: str, *, type: str = "invalid_request_error", code: str | None = None, param: str | None = None, kept: bool = True, **more: Any
    ) -> None:
        super().__init__(message)
        self.status = status
        self.kept = kept
        self.body: dict[str, Any] = {"message": message, "type": type, "code": code, "param": param, **more}
        self.body = {name: value for name, value in self.body.items() if value is not None}
        if code:
            self.body["doc_url"] = f"https://stripe.com/docs/error-codes/{code.replace('_', '-')}"


def missing(param: str) -> StripeError:
    return StripeError(400, f"Missing required param: {param}.", code="parameter_missing", param=param, kept=False)


def invalid(message: str, param: str | None = None, code: str | None = None) -> StripeError:
    """A parameter that fails validation: nothing began."""
    return StripeError(400, message, param=param, code=code, kept=False)


def refused(message: str, code: str | None = None, param: str | None = None) -> StripeError:
    """The state does not allow it."""
    return StripeError(400, message, code=code, param=param)


def no_such(kind: str, id: str, param: str | None = "id", *, other_mode: str | None = None) -> StripeError:
    where = f"; a similar object exists in {other_mode} mode, but a {'test' if other_mode == 'live' else 'live'} mode key was used to make this request." if other_mode else ""
    return StripeError(404, f"No such {kind}: '{id}'{where}", code="resource_missing", param=param, kept=False)


DECLINES = {
    "generic_decline": ("card_declined", "Your card was declined."),
    "insufficient_funds": ("card_declined", "Your card has insufficient funds."),
    "lost_card": ("card_declined", "Your card was declined."),
    "expired_card": ("expired_card", "Your card has expired."),
    "authentication_required": ("authentication_required", "Your card was declined. This transaction requires authentication."),
}


def declined(decline_code: str) -> dict[str, Any]:
    """The words of a declined card, as `last_payment_error` and the error's body have them."""
    code, message = DECLINES[decline_code]
    return {"type": "card_error", "code": code, "decline_code": decline_code, "message": message, "doc_url": f"https://stripe.com/docs/error-codes/{code.replace('_', '-')}"}
