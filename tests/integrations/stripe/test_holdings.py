"""Whatever happens at the twin, every party holds what plain arithmetic says."""

from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, multiple, rule
from starlette.testclient import TestClient

from lms_graph.integrations.twins.stripe import TEST_KEY, StripeTwin

AMOUNTS = st.integers(50, 100_000)


class Holdings(RuleBasedStateMachine):
    charges: Bundle[Any] = Bundle("charges")
    transfers: Bundle[Any] = Bundle("transfers")
    refunds: Bundle[Any] = Bundle("refunds")
    disputes: Bundle[Any] = Bundle("disputes")
    accounts: Bundle[Any] = Bundle("accounts")

    def __init__(self) -> None:
        super().__init__()
        self.twin = StripeTwin("http://twin")
        self.http = TestClient(self.twin.app(), headers={"Authorization": f"Bearer {TEST_KEY}"})
        self.held: dict[tuple[str, str], int] = {}

    def moved(self, party: str, currency: str, amount: int) -> None:
        self.held[party, currency] = self.held.get((party, currency), 0) + amount

    def ask(self, path: str, **form: Any) -> dict[str, Any] | None:
        """The answer; None where it was refused."""
        answer = self.http.post(path, data=form)
        assert answer.status_code in (200, 400), answer.text
        return dict(answer.json()) if answer.status_code == 200 else None

    @rule(target=accounts)
    def open_account(self) -> Any:
        made = self.ask("/v1/accounts", **{"type": "express", "country": "DE", "capabilities[transfers][requested]": "true"})
        assert made is not None
        self.twin.connect.onboard(made["id"])
        return made["id"]

    @rule(target=charges, amount=AMOUNTS, currency=st.sampled_from(["eur", "jpy"]))
    def charge(self, amount: int, currency: str) -> Any:
        made = self.ask("/v1/payment_intents", amount=amount, currency=currency, payment_method="pm_card_visa", confirm="true")
        assert made is not None
        self.moved("platform", currency, amount - ((amount * 29 + 500) // 1000 + 30))
        return made["id"]

    @rule(target=refunds, intent=charges, amount=AMOUNTS)
    def refund(self, intent: str, amount: int) -> Any:
        charge = self.twin.store.kinds["charge"][self.twin.store.kinds["payment_intent"][intent]["latest_charge"]]
        left, disputed = charge["amount"] - charge["amount_refunded"], charge["disputed"]
        made = self.ask("/v1/refunds", payment_intent=intent, amount=amount)
        assert made is None or amount <= left
        assert made is not None or amount > left or disputed
        if made is None:
            return multiple()
        self.moved("platform", made["currency"], -amount)
        return made["id"]

    @rule(refund=consumes(refunds))
    def fail_refund(self, refund: str) -> None:
        self.twin.refunds.finish(refund, failure_reason="unknown")
        made = self.twin.store.kinds["refund"][refund]
        self.moved("platform", made["currency"], made["amount"])

    @rule(target=transfers, account=accounts, amount=AMOUNTS, currency=st.sampled_from(["eur", "jpy"]))
    def transfer(self, account: str, amount: int, currency: str) -> Any:
        enough = self.held.get(("platform", currency), 0) >= amount
        made = self.ask("/v1/transfers", destination=account, amount=amount, currency=currency)
        assert (made is not None) == enough
        if made is None:
            return multiple()
        self.moved("platform", currency, -amount)
        self.moved(account, currency, amount)
        return made["id"]

    @rule(transfer=transfers, amount=AMOUNTS)
    def reverse(self, transfer: str, amount: int) -> None:
        found = self.twin.store.kinds["transfer"][transfer]
        account, currency = found["destination"], found["currency"]
        possible = amount <= found["amount"] - found["amount_reversed"] and amount <= self.held[account, currency]
        assert (self.ask(f"/v1/transfers/{transfer}/reversals", amount=amount) is not None) == possible
        if possible:
            self.moved("platform", currency, amount)
            self.moved(account, currency, -amount)

    @rule(target=disputes, intent=consumes(charges))
    def dispute(self, intent: str) -> Any:
        charge = self.twin.store.kinds["charge"][self.twin.store.kinds["payment_intent"][intent]["latest_charge"]]
        left = charge["amount"] - charge["amount_refunded"]
        if not left:
            return multiple()
        made = self.twin.disputes.open(intent)
        self.moved("platform", charge["currency"], -left - 1500)
        return made["id"]

    @rule(dispute=consumes(disputes), won=st.booleans())
    def decide(self, dispute: str, won: bool) -> None:
        self.twin.disputes.decide(dispute, won=won)
        made = self.twin.store.kinds["dispute"][dispute]
        if won:
            self.moved("platform", made["currency"], made["amount"])

    @rule(account=accounts, currency=st.sampled_from(["eur", "jpy"]), fails=st.booleans())
    def pay_out(self, account: str, currency: str, fails: bool) -> None:
        amount = self.held.get((account, currency), 0)
        if amount <= 0:
            return
        payout = self.twin.payouts.pay_out(account, currency)
        self.twin.payouts.finish(payout["id"], failure_code="no_account" if fails else None)
        self.moved(account, currency, 0 if fails else -amount)

    @invariant()
    def everybody_holds_what_is_theirs(self) -> None:
        told = {(party, currency): amount for party, holds in self.twin.holdings().items() for currency, amount in holds.items()}
        assert told == {place: amount for place, amount in self.held.items() if amount}


TestHoldings = Holdings.TestCase
TestHoldings.settings = settings(max_examples=25, stateful_step_count=30, deadline=None)
