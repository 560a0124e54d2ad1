"""Who may do what with a single course: its team. Exactly one of a team is the creator; the part is passed on, not dropped."""

from uuid import UUID

from lms_graph.domain.catalog import errors, events, policies, rules
from lms_graph.domain.catalog.queries import teams as queries
from lms_graph.domain.identity.queries import accounts
from lms_graph.kit.caller import Caller
from lms_graph.models import catalog as rows
from lms_graph.models.catalog import CourseTeamRole
from lms_graph.outbox.unit_of_work import UnitOfWork, unit_of_work


async def set_member(*, caller: Caller, course_id: UUID, account_id: UUID, role: CourseTeamRole) -> UUID:
    """Take an active account of the tenant into a course's team or change its role; gives the membership's id. As CREATOR it takes that part over, and who had it becomes an editor.

    Raises SignedOut, CourseNotFound where the caller has no part in it, NotAllowed for others than its creator and managers, PersonNotFound, CreatorRequired for a creator
    who would become something else, TeamFull past 50. Records CourseTeamChanged for each whose role changed.
    """
    async with unit_of_work(caller) as work:
        await _require_manager(caller, course_id)
        if not await accounts.is_active(caller=caller, account_id=account_id):
            raise errors.PersonNotFound()
        team = {member["account_id"]: member for member in await queries.whole_team(caller=caller, course_id=course_id)}
        present = team.get(account_id)
        if present and present["role"] == role:
            member_id: UUID = present["id"]
            return member_id
        if present and present["role"] == CourseTeamRole.CREATOR:
            raise errors.CreatorRequired()
        if present is None and len(team) >= rules.MAX_TEAM:
            raise errors.TeamFull()
        if role is CourseTeamRole.CREATOR:
            for former in [id for id, member in team.items() if member["role"] == CourseTeamRole.CREATOR]:
                await _write(work, caller, course_id, former, CourseTeamRole.EDITOR)
        return await _write(work, caller, course_id, account_id, role)


async def remove_member(*, caller: Caller, member_id: UUID) -> UUID:
    """Take somebody out of a course's team, or leave it; gives the course's id.

    Raises SignedOut, TeamMemberNotFound where there is none for the caller, NotAllowed for others than the creator, managers and oneself, CreatorRequired for the creator.
    Records CourseTeamChanged.
    """
    async with unit_of_work(caller) as work:
        course_id = await queries.course_of_member(caller=caller, member_id=member_id)
        if course_id is None or await queries.lock_course(caller=caller, course_id=course_id) is None:
            raise errors.TeamMemberNotFound()
        member = await rows.CourseTeamMember.for_caller(caller, id=member_id).get_or_none()
        own = await queries.role_in_team(caller=caller, course_id=course_id)
        if member is None or not policies.may_see_team(caller, own):
            raise errors.TeamMemberNotFound()
        policies.require_may_leave_or_manage_team(caller, own, member.account_id)
        if member.role is CourseTeamRole.CREATOR:
            raise errors.CreatorRequired()
        await rows.CourseTeamMember.for_caller(caller, id=member_id).delete()
        work.record(events.CourseTeamChanged(course_id=course_id, account_id=member.account_id, role=None))
    return course_id


async def fill(work: UnitOfWork, *, caller: Caller, course_id: UUID, instructors: tuple[tuple[UUID, rows.InstructorRole], ...]) -> None:
    """Those who teach a course according to its source come into its team, in the present unit of work and with the course locked: the lead as its creator where there is none, else as editors.
    Who has a part in it keeps that one. Records CourseTeamChanged."""
    team = {member["account_id"]: member["role"] for member in await queries.whole_team(caller=caller, course_id=course_id)}
    for account_id, part in instructors:
        if account_id not in team:
            leads = part is rows.InstructorRole.LEAD and CourseTeamRole.CREATOR not in team.values()
            team[account_id] = CourseTeamRole.CREATOR if leads else CourseTeamRole.EDITOR
            await _write(work, caller, course_id, account_id, team[account_id])


async def found(work: UnitOfWork, *, caller: Caller, course_id: UUID) -> None:
    """A new course is its maker's, where a person made it. Records CourseTeamChanged."""
    if caller.account_id is not None:
        await _write(work, caller, course_id, caller.account_id, CourseTeamRole.CREATOR)


async def _require_manager(caller: Caller, course_id: UUID) -> None:
    """With the course locked: changes of one team come one after another."""
    status = await queries.lock_course(caller=caller, course_id=course_id)
    own = await queries.role_in_team(caller=caller, course_id=course_id) if status else None
    if status is None or (status != rows.CourseStatus.PUBLISHED and not policies.may_see_team(caller, own)):
        raise errors.CourseNotFound()
    policies.require_may_manage_team(caller, own)


async def _write(work: UnitOfWork, caller: Caller, course_id: UUID, account_id: UUID, role: CourseTeamRole) -> UUID:
    if not await rows.CourseTeamMember.for_caller(caller, course_id=course_id, account_id=account_id).update(role=role):
        await rows.CourseTeamMember.create(tenant_id=caller.tenant_id, course_id=course_id, account_id=account_id, role=role, added_at=caller.now)
    work.record(events.CourseTeamChanged(course_id=course_id, account_id=account_id, role=role.value))
    return (await rows.CourseTeamMember.for_caller(caller, course_id=course_id, account_id=account_id).get()).id
