"""What the world outside does, told to the twin: for `lms-graph dev` and whoever tries things by hand. No part of Stripe's API.

`GET /_twin` is a page with what there is; the rest are POSTs with a form, made by its buttons or by curl.
"""

import html
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from lms_graph.integrations.twins.people import form_of
from lms_graph.integrations.twins.stripe.errors import StripeError
from lms_graph.integrations.twins.stripe.sheet import sheet

if TYPE_CHECKING:
    from lms_graph.integrations.twins.stripe.twin import StripeTwin

Form = dict[str, str]


def control_routes(twin: "StripeTwin") -> list[Route]:
    def settled(form: Form) -> None:
        twin.balances.settles_after = int(form["seconds"])

    def events(form: Form) -> None:
        twin.events.doubled = form.get("doubled") == "true"
        twin.events.late = float(form.get("late", 0))
        lost = set(form.get("lost", "").split())
        twin.events.lost = lambda event: event["type"] in lost

    does: dict[str, Callable[[Form], Any]] = {
        "advance": lambda form: twin.advance(int(form.get("seconds", 0)), days=int(form.get("days", 0))),
        "authenticate": lambda form: twin.payments.authenticate(form["payment_intent"], well=form.get("well", "true") == "true"),
        "arrive": lambda form: twin.payments.arrive(form["payment_intent"], well=form.get("well", "true") == "true"),
        "card": lambda form: twin.customers.use_card(form["customer"], form["card"]),
        "dispute": lambda form: twin.disputes.open(form["charge"], amount=int(form["amount"]) if "amount" in form else None, reason=form.get("reason", "fraudulent")),
        "decide": lambda form: twin.disputes.decide(form["dispute"], won=form["won"] == "true"),
        "refund": lambda form: twin.refunds.finish(form["refund"], failure_reason=form.get("failure_reason")),
        "onboard": lambda form: twin.connect.onboard(form["account"]),
        "restrict": lambda form: twin.connect.restrict(form["account"]),
        "payout": lambda form: twin.payouts.pay_out(form.get("account"), form["currency"], int(form["amount"]) if "amount" in form else None),
        "finish_payout": lambda form: twin.payouts.finish(form["payout"], failure_code=form.get("failure_code")),
        "fault": lambda form: twin.fault(
            form["kind"], form.get("path", "/v1/"), method=form.get("method", "POST"), times=int(form.get("times", 1)), seconds=float(form.get("seconds", 30))
        ),
        "hold": lambda form: twin.events.hold(),
        "release": lambda form: twin.events.release(order=form.get("order", "real"), seed=int(form.get("seed", 0))),
        "events": events,
        "resend": lambda form: twin.events.send_again(form["event"]),
        "top_up": lambda form: twin.top_up(int(form["amount"]), form["currency"], account=form.get("account")),
        "settles_after": settled,
    }

    async def do(request: Request) -> Response:
        action = does.get(request.path_params["action"])
        if action is None:
            return JSONResponse({"error": f"There are: {', '.join(does)}."}, 404)
        try:
            action(await form_of(request))
        except (KeyError, ValueError) as error:
            return JSONResponse({"error": f"Missing or wrong: {error}"}, 400)
        except StripeError as error:
            return JSONResponse({"error": str(error)}, 409)
        return RedirectResponse(f"{twin.url}/_twin", 303) if "text/html" in request.headers.get("accept", "") else JSONResponse({"now": twin.now(), "holdings": twin.holdings()})

    async def holdings(request: Request) -> Response:
        return JSONResponse(twin.holdings())

    async def listen(request: Request) -> Response:
        form = await form_of(request)
        twin.events.endpoints = [each for each in twin.events.endpoints if each.url != form["url"]]
        twin.listen(form["url"], *form["secrets"].split(","))
        return JSONResponse({"url": form["url"]})

    async def overview(request: Request) -> Response:
        def rows(kind: str, *names: str) -> str:
            return "".join(
                f"<li><code>{html.escape(each['id'])}</code> {html.escape(' '.join(str(each.get(name)) for name in names))}</li>" for each in reversed(twin.store.all(kind)[-20:])
            )

        parts = [("Charges", rows("charge", "amount", "currency", "status")), ("Subscriptions", rows("subscription", "status", "currency")), ("Accounts", rows("account", "email"))]
        parts += [("Refunds", rows("refund", "amount", "currency", "status")), ("Disputes", rows("dispute", "amount", "status")), ("Events", rows("event", "type"))]
        ahead = "".join(f'<button name="days" value="{days}">{days} days</button> ' for days in (1, 7, 31))
        forms = f'<form method="post" action="{twin.url}/_twin/advance"><p>Let time pass: {ahead}</p></form>'
        forms += f'<form method="post" action="{twin.url}/_twin/dispute"><p><input name="charge" placeholder="ch_…"> <button>Dispute a charge</button></p></form>'
        return sheet("Stripe twin", forms + "".join(f"<h2>{title}</h2><ul>{body or '<li>None yet.</li>'}</ul>" for title, body in parts))

    return [
        Route("/_twin", overview),
        Route("/_twin/holdings", holdings),
        Route("/_twin/listen", listen, methods=["POST"]),
        Route("/_twin/{action}", do, methods=["POST"]),
    ]
