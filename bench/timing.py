"""What a clock can tell: whether signing in, or asking for a mail, takes another time for an address that somebody has than for one that nobody has.

Requests of a pair are sent one after another, the first of them in turn, so that a busy moment of the machine meets both.
"""

import statistics
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import httpx2 as httpx

from bench.figures import quantile
from bench.house import House
from bench.school import HOST
from lms_graph.domain.identity.operations import accounts
from lms_graph.kit.caller import Caller
from lms_graph.models import identity as rows
from lms_graph.outbox.unit_of_work import unit_of_work

PASSWORD, WRONG = "a quiet blue harbour", "another long one"
SIGN_IN = "mutation ($input: SignInInput!) { signIn(input: $input) { session { accessToken } errors { code } } }"
RESET = "mutation ($input: PasswordResetRequestInput!) { passwordResetRequest(input: $input) { ok errors { code } } }"


async def measure(house: House, *, pairs: int, say: Callable[[str], None]) -> dict[str, Any]:
    """Medians, in milliseconds, of what is known beside what is not."""
    say("Making the accounts …")
    tenant_id = house.school.tenant_id
    caller = Caller.system(tenant_id, now=datetime.now(UTC))
    known, without, suspended = (f"{name}@timing.example" for name in ("known", "without", "suspended"))
    await accounts.register(caller=caller, email=known, name="Known", password=PASSWORD)
    await accounts.register(caller=caller, email=without, name="Without", password=None)
    closed = await accounts.register(caller=caller, email=suspended, name="Closed", password=PASSWORD)
    async with unit_of_work(caller):
        await rows.Account.for_caller(caller, id=closed).update(status="SUSPENDED")

    port = house.serve()
    found: dict[str, Any] = {"pairs": pairs, "compared": {}}
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", headers={"Host": HOST}, timeout=60) as client:

        async def took(document: str, **input: str) -> float:
            began = time.perf_counter()
            answer = await client.post("/graphql", json={"query": document, "variables": {"input": input}})
            elapsed = (time.perf_counter() - began) * 1000
            assert "errors" not in answer.json(), answer.text
            return elapsed

        for name, document, email in (
            ("signIn, wrong password", SIGN_IN, known),
            ("signIn, an account without a password", SIGN_IN, without),
            ("signIn, a closed account", SIGN_IN, suspended),
            ("passwordResetRequest", RESET, known),
        ):
            more = {"password": WRONG} if document == SIGN_IN else {}
            times: dict[str, list[float]] = {"known": [], "unknown": []}
            for number in range(-5, pairs):
                pair = [("known", email), ("unknown", f"nobody-{number}@timing.example")]
                for which, asked in pair if number % 2 else reversed(pair):
                    elapsed = await took(document, email=asked, **more)
                    if number >= 0:
                        times[which].append(elapsed)
            medians = {which: statistics.median(values) for which, values in times.items()}
            spread = {which: [quantile(values, 0.25), quantile(values, 0.75)] for which, values in times.items()}
            found["compared"][name] = {"medians": medians, "quartiles": spread}
            say(f"{name}: {medians['known']:.2f} ms, unknown {medians['unknown']:.2f} ms")
    return found
