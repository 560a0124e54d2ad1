"""Nothing that clients of the last release rely on has gone, but what is recorded with its reason."""

import datetime
import warnings
from typing import Any

import pytest
import yaml
from graphql import build_schema, find_breaking_changes, find_dangerous_changes

from tests.architecture.sources import ROOT

RELEASES = ROOT / "docs" / "releases"
RELEASED = (RELEASES / "schema.graphql").read_text()
PRESENT = (ROOT / "schema.graphql").read_text()
RECORDED: list[dict[str, Any]] = yaml.safe_load((RELEASES / "breaking-changes.yaml").read_text())


def breaking(released: str, present: str) -> list[str]:
    """What a client of the released schema may no longer find in the present one."""
    return sorted(change.description for change in find_breaking_changes(build_schema(released), build_schema(present)))


def dangerous(released: str, present: str) -> list[str]:
    """What a client's documents survive, and its code perhaps not: a new value of an enum, a new case of an interface."""
    return sorted(change.description for change in find_dangerous_changes(build_schema(released), build_schema(present)))


def test_every_breaking_change_is_recorded() -> None:
    unrecorded = set(breaking(RELEASED, PRESENT)) - {entry["change"] for entry in RECORDED}

    assert unrecorded == set(), "Keep it and deprecate it; or, if it must be, record it in docs/releases/breaking-changes.yaml."


def test_every_recorded_change_was_made() -> None:
    assert {entry["change"] for entry in RECORDED} - set(breaking(RELEASED, PRESENT)) == set()


def test_a_record_has_its_date_and_reason() -> None:
    assert [entry for entry in RECORDED if not (isinstance(entry.get("date"), datetime.date) and str(entry.get("reason") or "").strip())] == []


def test_dangerous_changes_are_listed() -> None:
    """They do not fail: they are in the summary, to be read as a client would."""
    if found := dangerous(RELEASED, PRESENT):
        warnings.warn("since the last release:\n" + "\n".join(found), stacklevel=1)


OLD = 'type Query { course(slug: String): Course } type Course { id: ID! title: String level: Level @deprecated(reason: "2027-06-30: use `id`.") } enum Level { LOW HIGH }'


@pytest.mark.parametrize(
    ("was", "is_now", "found"),
    [
        (" title: String", "", "Course.title was removed."),
        (" title: String", " title: [String]", "Course.title changed type from String to [String]."),
        ("id: ID!", "id: ID", "Course.id changed type from ID! to ID."),
        ("LOW HIGH", "LOW", "Enum value Level.HIGH was removed."),
        ("(slug: String)", "(slug: String!)", "changed type from String to String!."),
        ("(slug: String)", "(slug: String, tenant: ID!)", "tenant"),
    ],
)
def test_a_breaking_change_is_seen(was: str, is_now: str, found: str) -> None:
    assert was in OLD
    (change,) = breaking(OLD, OLD.replace(was, is_now))

    assert found in change


def test_an_addition_breaks_nothing() -> None:
    added = OLD.replace("title: String", "title: String subtitle: String").replace("(slug: String)", "(slug: String, id: ID)").replace("LOW HIGH", "LOW MIDDLE HIGH")

    assert breaking(OLD, added) == []
    assert len(dangerous(OLD, added)) == 2
