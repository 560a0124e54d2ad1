"""Payees: made at first need, connected to accounts at the provider, and paid by a schedule of their choice."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from lms_graph.domain.identity.queries import accounts as people
from lms_graph.domain.identity.queries import members
from lms_graph.domain.payouts import events, policies
from lms_graph.domain.payouts.ports import AccountLink, ConnectedAccount, PaymentGateway, PaymentRefused
from lms_graph.domain.payouts.queries import payees as queries
from lms_graph.domain.payouts.queries import providers
from lms_graph.domain.payouts.rules import payees as rules
from lms_graph.domain.tenancy.queries import tenants
from lms_graph.kit import money
from lms_graph.kit.caller import Caller
from lms_graph.kit.errors import Conflict, Invalid, Issue, NotAllowed
from lms_graph.kit.ids import new_id
from lms_graph.models import database
from lms_graph.models import payouts as rows
from lms_graph.models.identity import Role
from lms_graph.models.payouts import PayeeKind, ScheduleKind
from lms_graph.outbox.unit_of_work import UnitOfWork, unit_of_work

PAYEE = "PAYEE"


@dataclass(frozen=True, kw_only=True)
class LinkedAccount:
    payee_id: UUID
    link: AccountLink


async def payee_of(*, caller: Caller, account_id: UUID | None) -> UUID:
    """The payee of a person, or with None of the school; made at first need. Joins the unit of work around it."""
    async with unit_of_work(caller):
        found = await _find(caller, account_id)
        if found is None:
            await database.fetch(
                "INSERT INTO payees (tenant_id, id, kind, account_id, charges_enabled, payouts_enabled, details_submitted, schedule_kind, created_at) "
                "VALUES ($1, $2, $3, $4, false, false, false, 'MONTHLY', $5) ON CONFLICT (tenant_id, account_id) DO NOTHING",
                caller.tenant_id,
                new_id(),
                (PayeeKind.TENANT if account_id is None else PayeeKind.PERSON).value,
                account_id,
                caller.now,
            )
            found = await _find(caller, account_id)
    assert found is not None, "made, or made by another"
    return found


async def link_account(*, caller: Caller, is_school: bool, country: str | None, return_url: str, refresh_url: str, gateway: PaymentGateway) -> LinkedAccount:
    """An address at the provider where the caller, or with `is_school` who manages payouts for the school, tells what the provider has to know. The account there is made the first time, once.

    Raises SignedOut, NotAllowed, Invalid, Conflict for a school that has its own account at the provider, PaymentRefused and Unavailable. Records PayoutAccountMade.
    """
    account_id = await _who(caller, is_school)
    policies.require_person(caller)
    async with database.reading(caller):
        origins = await tenants.origins_of_tenant(caller=caller)
        school = await tenants.sender(caller=caller)
        if is_school and await providers.has_own(caller=caller):
            raise Conflict("The school sells through an account of its own: its money is there already.")
        person = (await people.accounts_by_ids(caller=caller, account_ids=[account_id]))[0] if account_id else None
    if issues := [*rules.issues_with_link(country=country, return_url=return_url, refresh_url=refresh_url, origins={*origins, *([school.home_url] if school.home_url else [])})]:
        raise Invalid(*issues)
    payee_id = await payee_of(caller=caller, account_id=account_id)
    payee = await _own_row(caller, payee_id)
    provider_account_id = payee["provider_account_id"]
    if provider_account_id is None:
        country = country or payee["country"]
        if country is None:
            raise Invalid(Issue("Say in which country the payee is taxed; it cannot be changed later.", ("country",)))
        email = person["email"] if person else school.support_email
        if email is None:
            raise Conflict("The school has no address yet that the provider could write to: set `supportEmail` first.")
        made = await gateway.make_account(
            country=country, email=email, metadata={"tenant": str(caller.tenant_id), "payee": str(payee_id)}, key=f"payee {payee_id} {country} {email}"
        )
        provider_account_id = await _keep_account(caller, payee_id, account_id, country, made)
    link = await gateway.account_link(provider_account_id, return_url=return_url, refresh_url=refresh_url)
    return LinkedAccount(payee_id=payee_id, link=link)


async def refresh(*, caller: Caller, provider_id: str, gateway: PaymentGateway) -> None:
    """Ask the provider how a connected account is. Does nothing for one that is not ours. Raises Unavailable. Records PayoutAccountChanged where it can, or cannot, be paid from now on."""
    async with database.reading(caller):
        payee_id = await queries.payee_of_provider_account(caller=caller, provider_account_id=provider_id)
    if payee_id is None:
        return
    found: ConnectedAccount | None = None
    try:
        found = await gateway.account(provider_id)
    except PaymentRefused as refusal:
        if refusal.reason not in rules.GONE:
            raise
    async with unit_of_work(caller) as work:
        payee = await queries.lock_payee(caller=caller, payee_id=payee_id)
        if payee is None or payee["provider_account_id"] != provider_id:
            return
        await _write_flags(work, caller, payee, found)


async def set_schedule(*, caller: Caller, is_school: bool, kind: ScheduleKind, day: int | None, threshold: tuple[Decimal, str] | None) -> UUID:
    """Say when the caller, or the school, is paid; gives the payee. Raises SignedOut, NotAllowed, Invalid. Records PayoutScheduleSet."""
    account_id = await _who(caller, is_school)
    amount = None
    if threshold:
        try:
            amount = money.to_minor(*threshold)
        except ValueError:
            amount = None
    if issues := [*rules.issues_with_schedule(kind=kind, day=day, has_threshold=threshold is not None, threshold_amount=amount)]:
        raise Invalid(*issues)
    async with unit_of_work(caller) as work:
        payee_id = await payee_of(caller=caller, account_id=account_id)
        payee = await queries.lock_payee(caller=caller, payee_id=payee_id)
        assert payee is not None
        await rows.Payee.for_caller(caller, id=payee_id).update(
            schedule_kind=kind, schedule_day=day, schedule_threshold_amount=amount, schedule_currency=threshold[1] if threshold else None
        )
        work.record(events.PayoutScheduleSet(payee_id=payee_id, account_id=account_id, kind=kind.value))
        if payee["payouts_enabled"]:
            await schedule_next(work, caller=caller, payee_id=payee_id, kind=kind, day=day)
    return payee_id


async def schedule_next(work: UnitOfWork, *, caller: Caller, payee_id: UUID, kind: ScheduleKind, day: int | None) -> None:
    """Set the payee's next run. Whatever run was set before finds another time on the row, and does nothing. Records PayoutRunDue."""
    due = rules.next_due(kind, day, after=caller.now)
    await rows.Payee.for_caller(caller, id=payee_id).update(next_due_at=due)
    if due is not None:
        work.record(events.PayoutRunDue(payee_id=payee_id, due_at=due.isoformat()))


async def set_premium(*, caller: Caller, account_id: UUID, until: datetime | None) -> UUID:
    """Let the commission for premium instructors hold for who teaches, until then, or with None no more; gives the payee. Joins the unit of work around it.

    What is sold goes by `premium.keep_premium`. Raises NotFound. Records InstructorPremiumSet if it differs.
    """
    async with unit_of_work(caller) as work:
        if not await people.is_active(caller=caller, account_id=account_id):
            raise policies.no_payee()
        payee_id = await payee_of(caller=caller, account_id=account_id)
        payee = await queries.lock_payee(caller=caller, payee_id=payee_id)
        assert payee is not None
        await write_premium(work, caller=caller, payee=payee, account_id=account_id, until=until)
    return payee_id


async def write_premium(work: UnitOfWork, *, caller: Caller, payee: database.Record, account_id: UUID, until: datetime | None) -> None:
    """The same for a payee that is locked, whatever has become of the account since. Records InstructorPremiumSet if it differs."""
    if payee["is_premium_until"] != until:
        await rows.Payee.for_caller(caller, id=payee["id"]).update(is_premium_until=until)
        work.record(events.InstructorPremiumSet(payee_id=payee["id"], account_id=account_id, until=until.isoformat() if until else None))


async def set_premium_by_hand(*, caller: Caller, account_id: UUID, until: datetime | None) -> UUID:
    """`set_premium`, for who manages payouts. Raises SignedOut, NotAllowed, NotFound."""
    policies.require_may_manage_payouts(caller)
    return await set_premium(caller=caller, account_id=account_id, until=until)


async def _who(caller: Caller, is_school: bool) -> UUID | None:
    """The account to be paid, None for the school. Raises SignedOut, NotAllowed."""
    if is_school:
        policies.require_may_manage_payouts(caller)
        return None
    account_id = caller.account
    async with database.reading(caller):
        may = Role.INSTRUCTOR in await members.roles_of(caller=caller, account_id=account_id) or await _find(caller, account_id) is not None
    if not may:
        raise NotAllowed("Only instructors, and who has earned something here, are paid.")
    return account_id


async def _own_row(caller: Caller, payee_id: UUID) -> database.Record:
    async with database.reading(caller):
        (row,) = await queries.rows_by_ids(caller=caller, payee_ids=[payee_id])
    return row


async def _keep_account(caller: Caller, payee_id: UUID, account_id: UUID | None, country: str, made: ConnectedAccount) -> str:
    """Write the account down, unless another request was first; gives the one that holds."""
    async with unit_of_work(caller) as work:
        payee = await queries.lock_payee(caller=caller, payee_id=payee_id)
        assert payee is not None
        if payee["provider_account_id"] is not None:
            return str(payee["provider_account_id"])
        await rows.Payee.for_caller(caller, id=payee_id).update(provider_account_id=made.id, country=country)
        await remember(caller, made.id, PAYEE, payee_id)
        work.record(events.PayoutAccountMade(payee_id=payee_id, account_id=account_id))
        await _write_flags(work, caller, payee, made)
    return made.id


async def _write_flags(work: UnitOfWork, caller: Caller, payee: database.Record, found: ConnectedAccount | None) -> None:
    is_enabled = found is not None and found.payouts_enabled
    await rows.Payee.for_caller(caller, id=payee["id"]).update(
        charges_enabled=found is not None and found.charges_enabled,
        payouts_enabled=is_enabled,
        details_submitted=found is not None and found.details_submitted,
        requirements=list(found.requirements) if found else [],
        provider_account_id=found.id if found else None,
    )
    if payee["payouts_enabled"] != is_enabled:
        work.record(events.PayoutAccountChanged(payee_id=payee["id"], account_id=payee["account_id"], is_enabled=is_enabled))
        if is_enabled:
            await schedule_next(work, caller=caller, payee_id=payee["id"], kind=ScheduleKind(payee["schedule_kind"]), day=payee["schedule_day"])


async def remember(caller: Caller, provider_id: str, kind: str, own_id: UUID) -> None:
    """What the provider calls one of our rows, by which its events find us."""
    async with unit_of_work(caller):
        await database.fetch(
            "INSERT INTO provider_objects (tenant_id, id, provider_id, kind, own_id, created_at) VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (tenant_id, provider_id) DO NOTHING",
            caller.tenant_id,
            new_id(),
            provider_id,
            kind,
            own_id,
            caller.now,
        )


async def _find(caller: Caller, account_id: UUID | None) -> UUID | None:
    id: UUID | None = await database.fetch_value("SELECT id FROM payees WHERE tenant_id = $1 AND account_id IS NOT DISTINCT FROM $2", caller.tenant_id, account_id)
    return id
