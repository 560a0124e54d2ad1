"""Root fields of applying to teach."""

from typing import Annotated

import strawberry

from lms_graph.context import Info
from lms_graph.domain.identity.operations import applications
from lms_graph.domain.identity.queries import applications as queries
from lms_graph.kit.pages import PageRequest
from lms_graph.kit.permissions import Permission
from lms_graph.types.connections import After, Before, First, Last
from lms_graph.types.errors import mutation, query
from lms_graph.types.identity.applications import (
    InstructorApplication,
    InstructorApplicationConnection,
    InstructorApplicationDecideInput,
    InstructorApplicationDecidePayload,
    InstructorApplicationWhere,
    InstructorApplicationWithdrawInput,
    InstructorApplicationWithdrawPayload,
    InstructorApplyInput,
    InstructorApplyPayload,
)


@strawberry.type
class ApplicationsQuery:
    @query(description="Who applied to teach, latest first.", requires=[Permission.APPLICATIONS_DECIDE])
    async def instructor_applications(
        self,
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
        where: Annotated[InstructorApplicationWhere | None, strawberry.argument(description="What they must be like.")] = None,
    ) -> InstructorApplicationConnection:
        view = queries.Applications(caller=info.context.caller, statuses=where.statuses() if where else None)
        page = await view.page(info.context.adapters.cursors, PageRequest(first, after, last, before))
        return InstructorApplicationConnection.of(page, InstructorApplication.from_row, view.count)


@strawberry.type
class ApplicationsMutation:
    @mutation(
        description="Ask to become an instructor, and write drafts meanwhile. Signed in, with a verified address. Again while one waits, or within 30 days of a refusal: CONFLICT. "
        "Codes: EMAIL_UNVERIFIED, CONFLICT, INVALID."
    )
    async def instructor_apply(self, info: Info, input: Annotated[InstructorApplyInput, strawberry.argument(description="The application.")]) -> InstructorApplyPayload:
        return InstructorApplyPayload(application_id=await applications.apply(caller=info.context.caller, **input.as_arguments()))

    @mutation(description="Take one's application back. The applicant. Codes: NOT_FOUND, CONFLICT once it is decided.")
    async def instructor_application_withdraw(
        self, info: Info, input: Annotated[InstructorApplicationWithdrawInput, strawberry.argument(description="Which application.")]
    ) -> InstructorApplicationWithdrawPayload:
        return InstructorApplicationWithdrawPayload(application_id=await applications.withdraw(caller=info.context.caller, **input.as_arguments()))

    @mutation(description="Approve or refuse an application, once. Codes: NOT_FOUND, CONFLICT, INVALID.", requires=[Permission.APPLICATIONS_DECIDE])
    async def instructor_application_decide(
        self, info: Info, input: Annotated[InstructorApplicationDecideInput, strawberry.argument(description="What is decided.")]
    ) -> InstructorApplicationDecidePayload:
        return InstructorApplicationDecidePayload(application_id=await applications.decide(caller=info.context.caller, **input.as_arguments()))
