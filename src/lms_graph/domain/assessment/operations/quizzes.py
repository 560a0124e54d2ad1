"""Saving a quiz: every change makes a new revision, and what was saved is never changed."""

from dataclasses import dataclass
from uuid import UUID

from lms_graph.domain.assessment import events
from lms_graph.domain.assessment.rules import drafts, kinds
from lms_graph.domain.assessment.rules.drafts import QuestionDraft, QuizDraft
from lms_graph.kit.caller import Caller
from lms_graph.kit.errors import Invalid, NotFound
from lms_graph.kit.ids import new_id
from lms_graph.kit.text import render_markdown
from lms_graph.models import assessment as rows
from lms_graph.outbox.unit_of_work import unit_of_work

__all__ = ["QuestionDraft", "QuizDraft", "SavedQuiz", "save_revision"]


@dataclass(frozen=True, kw_only=True)
class SavedQuiz:
    """A quiz and its latest revision. `number` counts a quiz's revisions from 1."""

    quiz_id: UUID
    quiz_revision_id: UUID
    number: int


async def save_revision(*, caller: Caller, quiz_id: UUID | None, draft: QuizDraft) -> SavedQuiz:
    """Keep a draft as the quiz's next revision; without `quiz_id` make a new quiz. A draft equal to the latest revision gives that one and changes nothing.

    Questions keep their identity by key. Who may write this quiz is for the area to say that shows it. Raises Invalid with every issue (paths from
    the quiz: `questions`, `0`, `options`, `1`, `text`), and NotFound. Records QuizRevisionSaved.
    """
    if issues := drafts.check(draft):
        raise Invalid(*issues)
    source = drafts.fingerprint(draft)
    async with unit_of_work(caller) as work:
        if quiz_id is None:
            quiz_id = (await rows.Quiz.create(tenant_id=caller.tenant_id)).id
            latest = None
        else:
            if await rows.Quiz.for_caller(caller, id=quiz_id).select_for_update().get_or_none() is None:
                raise NotFound("There is no such quiz.")
            latest = await rows.QuizRevision.for_caller(caller, quiz_id=quiz_id).order_by("-number").first()
        if latest and latest.source_sha256 == source:
            return SavedQuiz(quiz_id=quiz_id, quiz_revision_id=latest.id, number=latest.number)
        revision = await rows.QuizRevision.create(
            tenant_id=caller.tenant_id,
            quiz_id=quiz_id,
            number=latest.number + 1 if latest else 1,
            title=draft.title,
            passing_score=draft.passing_score,
            time_limit_minutes=draft.time_limit_minutes,
            max_attempts=draft.max_attempts,
            shuffle=draft.shuffle,
            draw_count=draft.draw_count,
            source_sha256=source,
        )
        await _write_questions(caller, quiz_id, revision.id, draft.questions)
        work.record(events.QuizRevisionSaved(quiz_id=quiz_id, quiz_revision_id=revision.id))
    return SavedQuiz(quiz_id=quiz_id, quiz_revision_id=revision.id, number=revision.number)


async def _write_questions(caller: Caller, quiz_id: UUID, revision_id: UUID, questions: tuple[QuestionDraft, ...]) -> None:
    known = {question.key: question.id for question in await rows.Question.for_caller(caller, quiz_id=quiz_id)}
    fresh = {question.key: new_id() for question in questions if question.key not in known}
    await rows.Question.bulk_create([rows.Question(id=id, tenant_id=caller.tenant_id, quiz_id=quiz_id, key=key) for key, id in fresh.items()])
    ids = known | fresh
    written = []
    for position, question in enumerate(questions):
        prompt = render_markdown(question.prompt)
        written.append(
            rows.QuestionRevision(
                tenant_id=caller.tenant_id,
                quiz_revision_id=revision_id,
                question_id=ids[question.key],
                position=position,
                kind=question.kind,
                points=question.points,
                prompt_markdown=prompt.markdown,
                prompt_html=prompt.html,
                body=kinds.kind_of(question.kind, question.body).normal(question.body),
            )
        )
    await rows.QuestionRevision.bulk_create(written)
