"""Values that hurt elsewhere, at every place of the schema that takes one: a fifth of them, and by hand (`LMS_FUZZ_SECONDS=600 ./test tests/fuzz`) all."""

from typing import Any

import pytest

from tests.fuzz.hostile import ROOTS, requests
from tests.fuzz.target import BY_HAND, WHO, Target

pytestmark = pytest.mark.xdist_group("fuzz-values")

OPEN_TO_VISITORS = {"signUp", "signIn", "sessionRefresh", "signOut"}  # what these write is theirs to write
# Somebody signed in gets furthest. By hand everybody tries.
ATTACKERS = WHO if BY_HAND else ["student"]
ONE_IN = 1 if BY_HAND else 5


@pytest.mark.parametrize("who", ATTACKERS)
@pytest.mark.parametrize(("operation", "name", "field"), ROOTS, ids=[name for _, name, _ in ROOTS])
def test_hostile_values(target: Target, operation: str, name: str, field: Any, who: str) -> None:
    before = target.rows() if who == "visitor" and name not in OPEN_TO_VISITORS else None
    accept = {"Accept": "text/event-stream"} if operation == "subscription" else {}
    for number, request in enumerate(requests(operation, name, field, target.school, one_in=ONE_IN)):
        if number % 500 == 0:
            headers = target.headers(who) | accept
        try:
            target.post(request.body, headers)
        except AssertionError as error:
            raise AssertionError(f"{request.place}: {error}") from error
    if before:
        assert target.rows() == before
