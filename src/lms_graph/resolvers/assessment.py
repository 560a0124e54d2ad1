"""Root fields about attempts."""

from collections.abc import AsyncGenerator
from typing import Annotated

import strawberry

from lms_graph.context import Info
from lms_graph.domain.learning.operations import attempts
from lms_graph.kit.errors import NotFound
from lms_graph.kit.live import topic
from lms_graph.types.assessment.attempts import (
    Attempt,
    AttemptAnswerSaveInput,
    AttemptAnswerSavePayload,
    AttemptStartInput,
    AttemptStartPayload,
    AttemptStatus,
    AttemptSubmitInput,
    AttemptSubmitPayload,
)
from lms_graph.types.errors import mutation, query
from lms_graph.types.nodes import decode_or_none

AttemptId = Annotated[strawberry.ID, strawberry.argument(description="The viewer's attempt.")]


@strawberry.type
class AssessmentQuery:
    @query(description="An attempt of the viewer, open or closed, on whatever device it was started; null when it is missing or somebody else's.")
    async def attempt(self, info: Info, id: AttemptId) -> Attempt | None:
        attempt: Attempt | None = await info.context.loaders.assessment.attempt.load(decode_or_none(id, "att"))
        return attempt


@strawberry.type
class AssessmentMutation:
    @mutation(description="Start sitting a quiz of the viewer's run: its questions, their order and the deadline are sealed. An attempt that is open already is given again.")
    async def attempt_start(self, info: Info, input: Annotated[AttemptStartInput, strawberry.argument(description="Which quiz, in which run.")]) -> AttemptStartPayload:
        attempt_id = await attempts.start_attempt(caller=info.context.caller, **input.as_arguments())
        return AttemptStartPayload(attempt=await info.context.loaders.assessment.attempt.load(attempt_id))

    @mutation(description="Keep an answer of the viewer's open attempt. Safe to repeat; the last one counts. Refused from the deadline on.")
    async def attempt_answer_save(self, info: Info, input: Annotated[AttemptAnswerSaveInput, strawberry.argument(description="The answer.")]) -> AttemptAnswerSavePayload:
        saved = await attempts.save_answer(caller=info.context.caller, **input.as_arguments())
        return AttemptAnswerSavePayload(saved_at=saved.saved_at, seconds_left=saved.seconds_left)

    @mutation(description="Hand in the viewer's attempt and grade it. Safe to repeat: it is graded once. Passing finishes the quiz's lecture in the run.")
    async def attempt_submit(self, info: Info, input: Annotated[AttemptSubmitInput, strawberry.argument(description="Which attempt.")]) -> AttemptSubmitPayload:
        result = await attempts.submit_attempt(caller=info.context.caller, **input.as_arguments())
        return AttemptSubmitPayload(attempt=await info.context.loaders.assessment.attempt.load(result.attempt_id), enrollment_id=result.subject_id)


@strawberry.type
class AssessmentSubscription:
    @strawberry.subscription(description="The viewer's attempt: its state at once, at each change and every few seconds, until it is graded. NOT_FOUND if it is not theirs.")
    async def attempt_updated(self, info: Info, id: AttemptId) -> AsyncGenerator[Attempt, None]:
        context, attempt_id = info.context, decode_or_none(id, "att")
        if attempt_id is None:
            raise NotFound("There is no such attempt of yours.")
        async with context.adapters.live.listen(topic(context.caller.tenant_id, attempt_id)) as wake_ups:
            async for _ in wake_ups:
                context.renew()
                attempt = await context.loaders.assessment.attempt.load(attempt_id)
                if attempt is None:
                    raise NotFound("There is no such attempt of yours.")
                yield attempt
                if attempt.status is AttemptStatus.GRADED:
                    return
