"""What changes rights or money stands in the audit log: every fact is in it, or it is said here why not."""

from dataclasses import fields
from importlib import import_module
from pathlib import Path

from lms_graph.domain.identity.rules.audit import SHOWN_AS
from lms_graph.kit.facts import Event
from lms_graph.types.nodes import PREFIXES
from tests.architecture.sources import PACKAGE

# Facts that change nobody's rights and no money, or that another entry tells.
NOT_AUDITED = {
    "ProviderEventStored": "what follows from it has entries of its own",
    "CheckoutReady": "nothing is anybody's before it is paid",
    "CheckoutLookedAt": "nothing has changed but when it is looked at again",
    "AccountRegistered": "a new account holds what anybody may have",
    "SessionOpened": "who signs in gains nothing that they did not hold",
    "SessionEnded": "who signs out loses nothing; the end of an impersonation has an entry of its own",
    "InstructorPageSaved": "words on a page",
    "QuizRevisionSaved": "content",
    "CoursePublished": "content",
    "LinkRequested": "by anybody, for any address",
    "EmailVerificationRequested": "its effect is the mail; what it leads to is told as EmailVerified",
    "EmailVerified": "proves an address; what waited for it is audited as its own",
    "EmailChangeRequested": "its effect is the mail; the change is audited",
    "PasswordResetRequested": "by anybody; the change is audited",
    "EnrollmentOpened": "opens what a grant or an open door had opened",
    "AccessChanged": "tells a run's live stream of what is audited as the grant's own",
    "ProgressAdvanced": "learning",
    "LectureCompleted": "learning",
    "CourseCompleted": "learning",
    "AttemptStarted": "learning",
    "AttemptSubmitted": "learning",
    "AttemptGraded": "by the machine, from answers that are kept",
    "CertificateIssued": "follows from a finished run",
    "RefundAwaited": "asks the provider again; how a refund was decided and how it ended are audited",
    "DisputeAwaited": "asks the provider again; how a dispute began and how it ended are audited",
    "CertificateReady": "follows from a finished run",
    "ReviewPosted": "an opinion",
    "ReviewEdited": "an opinion",
    "ReviewDeleted": "an opinion, by who held it",
    "ReviewReplied": "an opinion",
    "CourseRatingChanged": "a count",
    "LearningPathSaved": "content",
}


# Ids in audited facts that the log does not tell, and why.
NOT_SHOWN = {
    "challenge_id": "stands in a secret link",
    "identity_id": "no node of the API",
}


def facts() -> dict[str, type[Event]]:
    """Every fact of every area, by its name."""
    found = {}
    for path in sorted(Path(PACKAGE / "domain").glob("*/events.py")):
        module = import_module(f"lms_graph.domain.{path.parent.name}.events")
        found |= {name: each for name, each in vars(module).items() if isinstance(each, type) and issubclass(each, Event) and each is not Event}
    return found


def test_every_fact_is_audited_or_it_is_said_why_not() -> None:
    unaudited = {name for name, fact in facts().items() if fact.audited is None}

    assert len(facts()) > 20
    assert unaudited == set(NOT_AUDITED)


def test_what_an_entry_is_about_has_a_prefix_of_the_api() -> None:
    assert {name: fact.audited for name, fact in facts().items() if fact.audited and fact.audited not in PREFIXES.values()} == {}


def test_every_id_of_an_audited_fact_is_shown_under_a_prefix() -> None:
    """But for the one it is about, which is the entry's subject."""
    ids = {field.name for fact in facts().values() if fact.audited for field in fields(fact) if field.name.endswith("_id") and field.name != fact.about}

    assert ids - set(SHOWN_AS) == set(NOT_SHOWN)
    assert {name: prefix for name, prefix in SHOWN_AS.items() if prefix not in PREFIXES.values()} == {}
