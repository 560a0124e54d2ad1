"""Loaders of assessment."""

from uuid import UUID

from lms_graph.dataloaders.loading import AreaLoaders, batch, matched
from lms_graph.domain.assessment.queries import attempts, quizzes
from lms_graph.types.assessment.attempts import Attempt, AttemptAnswer, AttemptResultItem
from lms_graph.types.assessment.questions import QuestionPrompt, prompt_of
from lms_graph.types.assessment.quizzes import QuizOverview


class AssessmentLoaders(AreaLoaders):
    @batch
    async def quiz_overview(self, keys: list[tuple[UUID, UUID | None]]) -> list[QuizOverview | None]:
        """By (revision, run or None). Whoever asks has checked that the viewer may open it."""
        rows = await quizzes.overviews(caller=self.caller, keys=keys)
        found = {(row["revision_id"], row["subject_id"]): QuizOverview.from_row(row) for row in rows}
        return [found.get(key) for key in keys]

    @batch
    async def sat_quiz(self, revision_ids: list[UUID]) -> list[QuizOverview | None]:
        """Those that the caller has sat, as of the run of the latest attempt."""
        rows = await quizzes.overviews_of_sat(caller=self.caller, revision_ids=revision_ids)
        return matched(rows, "revision_id", revision_ids, QuizOverview.from_row)

    @batch
    async def attempt(self, attempt_ids: list[UUID]) -> list[Attempt | None]:
        """The caller's own."""
        rows = await attempts.own_attempts(caller=self.caller, attempt_ids=attempt_ids)
        return matched(rows, "id", attempt_ids, Attempt.from_row)

    @batch
    async def prompts(self, attempt_ids: list[UUID]) -> list[list[QuestionPrompt]]:
        found = await attempts.prompts(caller=self.caller, attempt_ids=attempt_ids)
        return [[prompt_of(prompt) for prompt in found.get(id, ())] for id in attempt_ids]

    @batch
    async def answers(self, attempt_ids: list[UUID]) -> list[list[AttemptAnswer]]:
        found = await attempts.answers(caller=self.caller, attempt_ids=attempt_ids)
        return [[AttemptAnswer.from_answer(answer) for answer in found.get(id, ())] for id in attempt_ids]

    @batch
    async def items(self, attempt_ids: list[UUID]) -> list[list[AttemptResultItem]]:
        found = await attempts.items(caller=self.caller, attempt_ids=attempt_ids)
        return [[AttemptResultItem.from_item(item) for item in found.get(id, ())] for id in attempt_ids]
