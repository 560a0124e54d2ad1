"""Reading quizzes for those who may sit them. Rights are the area's to check that shows the quiz."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

from lms_graph.kit.caller import Caller
from lms_graph.models import database
from lms_graph.models.assessment import QuestionKind


@dataclass(frozen=True)
class StoredQuestion:
    """A question of a revision, with its key: for the domain only."""

    id: UUID
    revision_id: UUID
    kind: QuestionKind
    points: Decimal
    prompt_markdown: str
    prompt_html: str
    body: dict[str, Any]

    @classmethod
    def from_row(cls, row: database.Record) -> "StoredQuestion":
        return cls(
            id=row["question_id"],
            revision_id=row["question_revision_id"],
            kind=QuestionKind(row["kind"]),
            points=row["points"],
            prompt_markdown=row["prompt_markdown"],
            prompt_html=row["prompt_html"],
            body=database.from_json(row["body"]),
        )


QUESTION = "q.id AS question_revision_id, q.question_id, q.kind, q.points, q.prompt_markdown, q.prompt_html, q.body"


async def overviews(*, caller: Caller, keys: list[tuple[UUID, UUID | None]]) -> list[database.Record]:
    """Quiz revisions as their learner sees them before a sitting, by (revision, subject): how many attempts the caller has started at the quiz for the subject is in `used`."""
    return await database.fetch(
        """
        SELECT k.revision_id, k.subject_id, r.title, r.passing_score, r.time_limit_minutes, r.max_attempts,
               least(r.draw_count, (SELECT count(*) FROM question_revisions q WHERE q.tenant_id = r.tenant_id AND q.quiz_revision_id = r.id)) AS question_count,
               (SELECT count(*) FROM attempts a WHERE a.tenant_id = r.tenant_id AND a.account_id = $4 AND a.subject_id = k.subject_id AND a.quiz_id = r.quiz_id) AS used
        FROM unnest($2::uuid[], $3::uuid[]) AS k (revision_id, subject_id)
        JOIN quiz_revisions r ON r.tenant_id = $1 AND r.id = k.revision_id
        """,
        caller.tenant_id,
        [revision for revision, _ in keys],
        [subject for _, subject in keys],
        caller.account_id,
    )


async def overviews_of_sat(*, caller: Caller, revision_ids: list[UUID]) -> list[database.Record]:
    """Of these revisions those that the caller has sat, as of the subject of the latest attempt."""
    rows: list[Any] = await database.fetch(
        "SELECT DISTINCT ON (quiz_revision_id) quiz_revision_id, subject_id FROM attempts "
        "WHERE tenant_id = $1 AND account_id = $2 AND quiz_revision_id = ANY($3) ORDER BY quiz_revision_id, started_at DESC, id DESC",
        caller.tenant_id,
        caller.account,
        revision_ids,
    )
    return await overviews(caller=caller, keys=[(row["quiz_revision_id"], row["subject_id"]) for row in rows])


async def questions_of_revision(*, caller: Caller, revision_id: UUID) -> list[StoredQuestion]:
    """All questions in the author's order, with their keys."""
    rows: list[Any] = await database.fetch(
        f"SELECT {QUESTION} FROM question_revisions q WHERE q.tenant_id = $1 AND q.quiz_revision_id = $2 ORDER BY q.position", caller.tenant_id, revision_id
    )
    return [StoredQuestion.from_row(row) for row in rows]


async def quizzes_of_revisions(*, caller: Caller, revision_ids: list[UUID]) -> dict[UUID, UUID]:
    """The quiz of each revision."""
    rows = await database.fetch("SELECT id, quiz_id FROM quiz_revisions WHERE tenant_id = $1 AND id = ANY($2)", caller.tenant_id, revision_ids)
    return {row["id"]: row["quiz_id"] for row in rows}
