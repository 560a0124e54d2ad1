"""Connected accounts, and the page on which their owners sign up. https://docs.stripe.com/connect"""

import html
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from lms_graph.integrations.twins.people import form_of
from lms_graph.integrations.twins.stripe.errors import StripeError, invalid, no_such, refused
from lms_graph.integrations.twins.stripe.forms import Params
from lms_graph.integrations.twins.stripe.objects import Object, Owner, fresh, listed, page
from lms_graph.integrations.twins.stripe.sheet import sheet

if TYPE_CHECKING:
    from lms_graph.integrations.twins.stripe.twin import Call, StripeTwin

ACCOUNT = "type country email business_type business_profile capabilities controller default_currency metadata settings tos_acceptance individual company external_account"
EURO = "AT BE BG CY DE EE ES FI FR GR HR IE IT LT LU LV MT NL PT SI SK".split()
CURRENCY = {**dict.fromkeys(EURO, "eur"), "US": "usd", "GB": "gbp", "CH": "chf", "JP": "jpy", "CA": "cad", "AU": "aud", "SE": "sek", "DK": "dkk", "NO": "nok", "PL": "pln"}
CURRENCY |= {"BR": "brl", "MX": "mxn", "IN": "inr", "SG": "sgd", "NZ": "nzd", "CZ": "czk", "HU": "huf", "RO": "ron", "TH": "thb", "AE": "aed", "HK": "hkd"}
LINK_SECONDS = 300
DUE = ["business_profile.url", "external_account", "individual.first_name", "tos_acceptance.date"]


class Connect:
    def __init__(self, twin: "StripeTwin") -> None:
        self._twin = twin
        self._store = twin.store

    def routes(self) -> list[tuple[str, str, Any, str]]:
        return [
            ("POST", "/v1/accounts", self._create, ACCOUNT),
            ("GET", "/v1/accounts", self._list, "created limit starting_after ending_before"),
            ("GET", "/v1/account", self._own, ""),
            ("GET", "/v1/accounts/{id}", self._retrieve, ""),
            ("POST", "/v1/accounts/{id}", self._update, ACCOUNT),
            ("DELETE", "/v1/accounts/{id}", self._delete, ""),
            ("POST", "/v1/accounts/{id}/reject", self._reject, "reason"),
            ("POST", "/v1/accounts/{id}/login_links", self._login, ""),
            ("POST", "/v1/account_links", self._link, "account refresh_url return_url type collect collection_options"),
        ]

    def pages(self) -> list[Route]:
        return [Route("/connect/{link}", self._page, methods=["GET", "POST"]), Route("/express/{id}", self._dashboard)]

    def account(self, id: str, *, livemode: bool = False, param: str | None = "account") -> Object:
        found = self._store.find("account", id)
        if found is None or found["_owner"].livemode != livemode:
            raise no_such("account", id, param)
        return found

    def onboard(self, id: str) -> None:
        """All that Stripe wants to know is told: the account can be paid and pays out."""
        found = self._store.kinds["account"][id]
        found.update(details_submitted=True, charges_enabled=True, payouts_enabled=True, requirements=_requirements([]))
        found["capabilities"] = dict.fromkeys(found["capabilities"], "active")
        bank = {
            "id": fresh("ba"),
            "object": "bank_account",
            "account": id,
            "bank_name": "TWIN BANK",
            "country": found["country"],
            "currency": found["default_currency"],
            "last4": "6789",
        }
        found["external_accounts"] = listed(f"/v1/accounts/{id}/external_accounts", [bank | {"default_for_currency": True, "status": "new", "metadata": {}}])
        self._tell(found)

    def restrict(self, id: str, *, transfers: bool = False, reason: str = "requirements.past_due") -> None:
        """Stripe wants more papers: no payouts until it is told, and no transfers either unless `transfers`."""
        found = self._store.kinds["account"][id]
        found.update(payouts_enabled=False, charges_enabled=transfers, requirements=_requirements(["individual.verification.document"], reason))
        found["capabilities"] = {name: "active" if transfers and name == "transfers" else "inactive" for name in found["capabilities"]}
        self._tell(found)

    def disconnect(self, id: str) -> None:
        """The account's owner takes the platform's rights away."""
        found = self._store.kinds["account"].pop(id)
        self._store.by_id.pop(id)
        application = {"id": fresh("ca"), "object": "application", "name": "Twin", "_owner": found["_owner"]}
        self._twin.events.emit("account.application.deauthorized", application, owner=Owner(found["_owner"].livemode, id))

    def _tell(self, found: Object) -> None:
        self._twin.events.emit("account.updated", found, owner=Owner(found["_owner"].livemode, found["id"]), previous={})

    def _create(self, call: "Call") -> Object:
        asked = call.params
        if call.owner.account:
            raise refused("Connected accounts cannot create accounts.")
        type = asked.one_of("type", "custom express standard") or ("none" if "controller" in asked else "standard")
        country = (asked.text("country") or "US").upper()
        if country not in CURRENCY:
            raise invalid(f"Country '{country}' is unknown or not supported.", "country", "country_unsupported")
        capabilities = {name: "inactive" for name, each in asked.inside("capabilities").given.items() if isinstance(each, dict) and each.get("requested") == "true"}
        controller = asked.inside("controller")
        made = self._store.add(
            "account",
            call.owner,
            {
                "id": fresh("acct", 16),
                "object": "account",
                "business_profile": {"name": None, "url": None, "mcc": None, "support_email": None},
                "business_type": None,
                "capabilities": capabilities,
                "charges_enabled": False,
                "controller": {
                    "fees": {"payer": controller.inside("fees").text("payer") or "application_express"},
                    "is_controller": True,
                    "losses": {"payments": controller.inside("losses").text("payments") or "application"},
                    "requirement_collection": controller.text("requirement_collection") or "stripe",
                    "stripe_dashboard": {"type": controller.inside("stripe_dashboard").text("type") or ("express" if type == "express" else "full")},
                    "type": "application",
                },
                "country": country,
                "created": self._twin.now(),
                "default_currency": asked.text("default_currency") or CURRENCY[country],
                "details_submitted": False,
                "email": None,
                "external_accounts": listed("/v1/accounts/x/external_accounts", []),
                "future_requirements": _requirements([]),
                "metadata": {},
                "payouts_enabled": False,
                "requirements": _requirements(DUE, "requirements.past_due"),
                "settings": {"payouts": {"debit_negative_balances": True, "schedule": {"delay_days": 2, "interval": "daily"}, "statement_descriptor": None}},
                "tos_acceptance": {},
                "type": type,
            },
        )
        made["external_accounts"]["url"] = f"/v1/accounts/{made['id']}/external_accounts"
        self._write(made, asked)
        return made

    def _write(self, found: Object, asked: Params) -> None:
        found.update({name: asked.text(name) for name in ("email", "business_type") if name in asked})
        found["metadata"] = asked.metadata(found["metadata"])
        found["business_profile"].update(
            {name: asked.inside("business_profile").text(name) for name in asked.inside("business_profile").given if name in found["business_profile"]}
        )
        schedule = asked.inside("settings").inside("payouts").inside("schedule")
        if interval := schedule.one_of("interval", "daily manual monthly weekly"):
            found["settings"]["payouts"]["schedule"]["interval"] = interval

    def _retrieve(self, call: "Call") -> Object:
        return self.account(call.path["id"], livemode=call.owner.livemode)

    def _own(self, call: "Call") -> Object:
        if call.owner.account:
            return self.account(call.owner.account, livemode=call.owner.livemode)
        platform = {
            "id": "acct_platform",
            "object": "account",
            "country": "US",
            "default_currency": "usd",
            "charges_enabled": True,
            "payouts_enabled": True,
            "details_submitted": True,
        }
        return {**platform, "type": "standard", "email": "platform@twin.example", "metadata": {}}

    def _update(self, call: "Call") -> Object:
        found = self.account(call.path["id"], livemode=call.owner.livemode)
        for name, each in call.params.inside("capabilities").given.items():
            if isinstance(each, dict) and each.get("requested") == "true":
                found["capabilities"].setdefault(name, "active" if found["details_submitted"] else "inactive")
        self._write(found, call.params)
        self._tell(found)
        return found

    def _delete(self, call: "Call") -> Object:
        found = self.account(call.path["id"], livemode=call.owner.livemode)
        if any(sum(amounts) for amounts in self._twin.balances.held(Owner(call.owner.livemode, found["id"])).values()):
            raise refused("This account cannot be deleted: its balance is not zero.", "account_invalid")
        self._store.kinds["account"].pop(found["id"])
        return {"id": found["id"], "object": "account", "deleted": True}

    def _reject(self, call: "Call") -> Object:
        found = self.account(call.path["id"], livemode=call.owner.livemode)
        reason = call.params.one_of("reason", "fraud terms_of_service other")
        self.restrict(found["id"], reason=f"rejected.{reason}")
        return found

    def _login(self, call: "Call") -> Object:
        found = self.account(call.path["id"], livemode=call.owner.livemode)
        if not found["details_submitted"]:
            raise refused("Cannot create a login link for an account that has not completed onboarding.")
        return {"object": "login_link", "created": self._twin.now(), "url": f"{self._twin.url}/express/{found['id']}"}

    def _link(self, call: "Call") -> Object:
        asked, now = call.params, self._twin.now()
        found = self.account(asked.needed("account"), livemode=call.owner.livemode)
        type = asked.one_of("type", "account_onboarding account_update")
        if type is None:
            raise invalid("Missing required param: type.", "type", "parameter_missing")
        for name in ("refresh_url", "return_url"):
            if not asked.needed(name).startswith(("http://", "https://") if not call.owner.livemode else "https://"):
                raise invalid("Not a valid URL", name, "url_invalid")
        link = {
            "id": fresh("link"),
            "account": found["id"],
            "refresh": asked.needed("refresh_url"),
            "return": asked.needed("return_url"),
            "until": now + LINK_SECONDS,
            "used": False,
        }
        self._store.add("_link", call.owner, link)
        return {"object": "account_link", "created": now, "expires_at": now + LINK_SECONDS, "url": f"{self._twin.url}/connect/{link['id']}"}

    async def _page(self, request: Request) -> Response:
        link = self._store.find("_link", request.path_params["link"])
        if link is None:
            return sheet("Stripe twin", "<p>This link leads nowhere.</p>", 404)
        if request.method == "POST":
            if (await form_of(request)).get("choice") == "finish":
                self.onboard(link["account"])
            return RedirectResponse(link["return"], 303)
        if link["used"] or link["until"] <= self._twin.now():
            return RedirectResponse(link["refresh"], 303)
        link["used"] = True
        account = self._store.kinds["account"][link["account"]]
        buttons = '<p><button name="choice" value="finish">Finish</button></p><p><button name="choice" value="leave">Leave, nothing told yet</button></p>'
        return sheet("Get paid", f"<p>Account <code>{account['id']}</code> {html.escape(account['email'] or '')}, {account['country']}.</p><form method='post'>{buttons}</form>")

    async def _dashboard(self, request: Request) -> Response:
        id = request.path_params["id"]
        if self._store.find("account", id) is None:
            return sheet("Stripe twin", "<p>There is no such account.</p>", 404)
        held = self._twin.balances.held(Owner(False, id))
        rows = "".join(f"<li>{available + pending} {currency} (minor units), {available} of it available</li>" for currency, (available, pending) in held.items())
        return sheet(f"Account {id}", f"<ul>{rows or '<li>Nothing yet.</li>'}</ul>")

    def _list(self, call: "Call") -> Object:
        return page("/v1/accounts", list(reversed(self._store.all("account", Owner(call.owner.livemode)))), call.params)

    def payable(self, id: str, owner: Owner, param: str = "destination") -> Object:
        found = self.account(id, livemode=owner.livemode, param=param)
        if found["capabilities"].get("transfers") != "active":
            message = "Your destination account needs to have at least one of the following capabilities enabled: transfers, crypto_transfers, legacy_payments"
            raise StripeError(400, message, code="insufficient_capabilities_for_transfer")
        return found


def _requirements(due: list[str], reason: str | None = None) -> Object:
    return {
        "alternatives": [],
        "current_deadline": None,
        "currently_due": due,
        "disabled_reason": reason,
        "errors": [],
        "eventually_due": due,
        "past_due": due,
        "pending_verification": [],
    }
