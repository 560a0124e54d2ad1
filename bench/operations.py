"""What is asked of the servers: the operations of `operations.graphql`, and PostGraphile's own for the same pages."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from bench.house import House
from bench.learners import Learner
from bench.load import Target
from bench.school import HOST
from tests.fixtures.client import documents

POSTGRAPHILE = Path(__file__).parent / "postgraphile"
DOCUMENTS = documents(Path(__file__).parent)
_NATIVE = documents(POSTGRAPHILE)


@dataclass(frozen=True)
class Operation:
    """One operation with the variables that it is asked with in turn, as the product and as PostGraphile takes them, and the token of each request; without tokens a visitor asks."""

    name: str
    variables: Sequence[dict[str, Any]]
    native: Sequence[dict[str, Any]]
    tokens: Sequence[str] = ()

    def target(self, port: int, *, native: bool = False) -> Target:
        text = (_NATIVE if native else DOCUMENTS)[self.name]
        bodies = [orjson.dumps({"query": text, "operationName": self.name, "variables": each}) for each in (self.native if native else self.variables)]
        return Target(port, bodies, {"Host": HOST}, tokens=self.tokens)


def course_page(house: House, slugs: Sequence[str]) -> Operation:
    """By somebody who is signed in and has no run."""
    school = house.school
    native = [{"tenant": str(school.tenant_id), "account": str(school.account_id), "slug": slug} for slug in slugs]
    return Operation("CoursePage", [{"slug": slug} for slug in slugs], native, [school.token] * len(slugs))


def public_page(house: House, slugs: Sequence[str]) -> Operation:
    """By a visitor."""
    return Operation("PublicPage", [{"slug": slug} for slug in slugs], [{"tenant": str(house.school.tenant_id), "slug": slug} for slug in slugs])


def catalog(house: House, *, visitor: bool = False) -> Operation:
    """The first page."""
    return Operation("Catalog", [{}], [{"tenant": str(house.school.tenant_id)}], () if visitor else [house.school.token])


def learn(house: House, learners: Sequence[Learner]) -> Operation:
    """By each learner, their own run."""
    native = [{"tenant": str(house.school.tenant_id), "account": str(learner.account_id), "run": str(learner.run_id)} for learner in learners]
    return Operation("Learn", [{"id": learner.run} for learner in learners], native, [learner.token for learner in learners])


def own_course(learners: Sequence[Learner]) -> Operation:
    """By each learner, the page of the course that they are in."""
    return Operation("CoursePage", [{"slug": learner.slug} for learner in learners], [], [learner.token for learner in learners])
