"""Root fields about a tenant's people, for those who run it."""

from typing import Annotated

import strawberry

from lms_graph.context import Info
from lms_graph.domain.identity.operations import invitations, members
from lms_graph.domain.identity.queries import members as queries
from lms_graph.kit.pages import PageRequest
from lms_graph.kit.permissions import Permission
from lms_graph.types.connections import After, Before, First, Last
from lms_graph.types.costs import weight
from lms_graph.types.errors import mutation, query
from lms_graph.types.identity.members import (
    InvitationAcceptInput,
    InvitationAcceptPayload,
    Member,
    MemberConnection,
    MemberInvitationResendInput,
    MemberInvitationResendPayload,
    MemberInviteInput,
    MemberInvitePayload,
    MemberRestoreInput,
    MemberRestorePayload,
    MemberRoleGrantInput,
    MemberRoleGrantPayload,
    MemberRoleRevokeInput,
    MemberRoleRevokePayload,
    MemberSuspendInput,
    MemberSuspendPayload,
    MemberWhere,
)
from lms_graph.types.identity.sessions import Session
from lms_graph.types.nodes import decode_or_none
from lms_graph.types.ordering import MemberOrder, OrderDirection

MANAGE = (Permission.MEMBERS_MANAGE,)


@strawberry.type
class MembersQuery:
    @query(description="The tenant's accounts, newest first unless ordered otherwise.", requires=[Permission.MEMBERS_READ], cost=5)
    async def members(
        self,
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
        search: Annotated[
            str | None,
            strawberry.argument(
                description="Words with which words of the name begin, accents and case aside. With PERSONAL_READ also the beginning of an address, of 3 characters or more. At most 200 characters.",
                directives=[weight(10)],
            ),
        ] = None,
        where: Annotated[MemberWhere | None, strawberry.argument(description="What they must be like.")] = None,
        order_by: Annotated[list[MemberOrder] | None, strawberry.argument(description="By default CREATED_AT, latest first. At most 2.")] = None,
    ) -> MemberConnection:
        view = queries.Members(caller=info.context.caller, search=(search or "").strip() or None, **where.as_arguments() if where else {})
        order = [queries.Sort(term.field.value, term.direction is OrderDirection.DESC) for term in order_by or []]
        page = await view.page(info.context.adapters.cursors, PageRequest(first, after, last, before), order)
        return MemberConnection.of(page, Member.from_row, view.count)

    @query(description="A member by its id; null when there is none.", requires=[Permission.MEMBERS_READ, Permission.MEMBERS_MANAGE])
    async def member(self, info: Info, id: Annotated[strawberry.ID, strawberry.argument(description="Its id.")]) -> Member | None:
        found: Member | None = await info.context.loaders.identity.member.load(uuid) if (uuid := decode_or_none(id, "mbr")) else None
        return found


@strawberry.type
class MembersMutation:
    @mutation(
        description="Give a member a role; to who holds it nothing happens. No role that may do more than the caller; keys make no administrators. Codes: NOT_FOUND, IDEMPOTENCY_CONFLICT, INVALID.",
        requires=MANAGE,
    )
    async def member_role_grant(self, info: Info, input: Annotated[MemberRoleGrantInput, strawberry.argument(description="Who gets which role.")]) -> MemberRoleGrantPayload:
        return MemberRoleGrantPayload(account_id=await members.grant_role(caller=info.context.caller, **input.as_arguments()))

    @mutation(
        description="Take a role from a member; to who does not hold it nothing happens. Sockets under the former roles end within a second. Codes: NOT_FOUND, LAST_ADMIN, INVALID.",
        requires=MANAGE,
    )
    async def member_role_revoke(self, info: Info, input: Annotated[MemberRoleRevokeInput, strawberry.argument(description="Who loses which role.")]) -> MemberRoleRevokePayload:
        return MemberRoleRevokePayload(account_id=await members.revoke_role(caller=info.context.caller, **input.as_arguments()))

    @mutation(
        description="Make an account for somebody and send them a link to take it, good for 7 days. EMAIL_TAKEN where the address has an account: grant that one roles instead. "
        "Codes: EMAIL_TAKEN, IDEMPOTENCY_CONFLICT, INVALID. RATE_LIMITED after many at one school.",
        requires=MANAGE,
    )
    async def member_invite(self, info: Info, input: Annotated[MemberInviteInput, strawberry.argument(description="Whom to invite.")]) -> MemberInvitePayload:
        return MemberInvitePayload(account_id=await invitations.invite(caller=info.context.caller, throttle=info.context.adapters.throttle, **input.as_arguments()))

    @mutation(
        description="Send an invitation that was not accepted again, with a new link in place of the former. Codes: NOT_FOUND, CONFLICT, IDEMPOTENCY_CONFLICT, INVALID. "
        "RATE_LIMITED after many at one school.",
        requires=MANAGE,
    )
    async def member_invitation_resend(
        self, info: Info, input: Annotated[MemberInvitationResendInput, strawberry.argument(description="Whose invitation.")]
    ) -> MemberInvitationResendPayload:
        return MemberInvitationResendPayload(account_id=await invitations.resend(caller=info.context.caller, throttle=info.context.adapters.throttle, **input.as_arguments()))

    @mutation(
        description="Take the account that an invitation made: set its password and sign in. The link proves the address, and works once. Whoever holds the token. Codes: LINK_INVALID, INVALID.",
        cost=200,
    )
    async def invitation_accept(
        self, info: Info, input: Annotated[InvitationAcceptInput, strawberry.argument(description="The link's token, and a password.")]
    ) -> InvitationAcceptPayload:
        secret_keys = info.context.adapters.secret_keys
        signed_in = await invitations.accept(caller=info.context.caller, token=input.token, name=input.name, password=input.password, secret_keys=secret_keys)
        return InvitationAcceptPayload(session=Session.from_signed_in(signed_in))

    @mutation(
        description="Keep a member out: sessions end at once, no new ones are opened. Roles, runs and grants stay. Not oneself, nobody who may do more than the caller. "
        "Codes: NOT_FOUND, LAST_ADMIN, INVALID.",
        requires=MANAGE,
    )
    async def member_suspend(self, info: Info, input: Annotated[MemberSuspendInput, strawberry.argument(description="Whom, and why.")]) -> MemberSuspendPayload:
        return MemberSuspendPayload(account_id=await members.suspend(caller=info.context.caller, **input.as_arguments()))

    @mutation(description="Let a suspended member in again. Codes: NOT_FOUND.", requires=MANAGE)
    async def member_restore(self, info: Info, input: Annotated[MemberRestoreInput, strawberry.argument(description="Whom.")]) -> MemberRestorePayload:
        return MemberRestorePayload(account_id=await members.restore(caller=info.context.caller, **input.as_arguments()))
