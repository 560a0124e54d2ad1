"""What a live stream of a run has to say."""

from dataclasses import dataclass
from uuid import UUID

from lms_graph.domain.learning import errors, events
from lms_graph.domain.learning.queries import runs
from lms_graph.kit.caller import Caller
from lms_graph.outbox import store

AT_ONCE = store.FACTS_AT_ONCE  # so many moments at most; as many may mean that there are more
_CERTIFICATE = {"CertificateIssued", "CertificateReady"}  # words of certificates, which stands above: as its `events.CHANGES`


@dataclass(frozen=True)
class Moment:
    """One message of the stream: a fact, or the present state that every stream begins with."""

    sequence: int
    version_id: UUID
    lecture_id: UUID | None = None
    lecture_completed: bool = False
    about_certificate: bool = False
    access_changed: bool = False


async def moments(*, caller: Caller, enrollment_id: UUID, after: int | None) -> list[Moment]:
    """What came after a sequence, in order; without one, the present state. The run is looked up anew each time: rights may have gone.

    Raises SignedOut, RunNotFound.
    """
    _ = caller.account
    run = await runs.run_of(caller=caller, enrollment_id=enrollment_id)
    if run is None:
        raise errors.RunNotFound()
    if after is None:
        return [Moment(await store.last_sequence(caller, enrollment_id), run.version_id, about_certificate=True)]
    told = []
    for fact in await store.facts_since(caller, enrollment_id, after):
        lecture = fact.payload.get("lecture_id")
        told.append(
            Moment(
                fact.sequence,
                run.version_id,
                UUID(lecture) if lecture else None,
                lecture_completed=fact.name == events.LectureCompleted.name,
                about_certificate=fact.name in _CERTIFICATE,
                access_changed=fact.name == events.AccessChanged.name,
            )
        )
    return told
