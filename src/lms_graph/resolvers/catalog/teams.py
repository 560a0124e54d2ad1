"""Root fields about the teams of courses."""

from typing import Annotated

import strawberry

from lms_graph.context import Info
from lms_graph.domain.catalog.operations import teams
from lms_graph.types.catalog.teams import CourseTeamMemberRemoveInput, CourseTeamMemberRemovePayload, CourseTeamMemberSetInput, CourseTeamMemberSetPayload
from lms_graph.types.errors import mutation


@strawberry.type
class CourseTeamsMutation:
    @mutation(
        description="Take somebody into a course's team, or change their part. Its creator, or COURSES_MANAGE. Doing it again changes nothing. Codes: NOT_FOUND, CONFLICT for the creator, LIMIT_REACHED."
    )
    async def course_team_member_set(
        self, info: Info, input: Annotated[CourseTeamMemberSetInput, strawberry.argument(description="Who has which part.")]
    ) -> CourseTeamMemberSetPayload:
        given = input.as_arguments()
        return CourseTeamMemberSetPayload(member_id=await teams.set_member(caller=info.context.caller, **given), course_id=given["course_id"])

    @mutation(description="Take somebody out of a course's team, or leave it. Its creator, COURSES_MANAGE, or oneself. Codes: NOT_FOUND, CONFLICT for the creator.")
    async def course_team_member_remove(
        self, info: Info, input: Annotated[CourseTeamMemberRemoveInput, strawberry.argument(description="Who leaves.")]
    ) -> CourseTeamMemberRemovePayload:
        return CourseTeamMemberRemovePayload(course_id=await teams.remove_member(caller=info.context.caller, **input.as_arguments()))
