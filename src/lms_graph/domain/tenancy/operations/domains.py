"""Host names and mail domains: claimed, proven by DNS, looked up again, lapsed and removed.

DNS is asked between two units of work: the first notes that it is asked now, so that nobody asks too often, and the second says what was found,
if nobody has asked since.
"""

import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from lms_graph.domain.tenancy import errors, events, policies
from lms_graph.domain.tenancy.ports import Dns
from lms_graph.domain.tenancy.queries import domains as queries
from lms_graph.domain.tenancy.queries import tenants as tenant_queries
from lms_graph.domain.tenancy.rules import hosts, proofs
from lms_graph.kit.caller import Caller
from lms_graph.kit.errors import Busy, Conflict, Invalid, Issue, LimitReached, NotFound, Unavailable
from lms_graph.models import database
from lms_graph.models import tenancy as rows
from lms_graph.models.tenancy import DomainProblem, DomainStatus
from lms_graph.outbox.unit_of_work import UnitOfWork, on_behalf_of, unit_of_work


async def add_domain(*, caller: Caller, host: str, own_url: str) -> UUID:
    """Claim a host for the caller's tenant and give the domain's id; one that it has claimed already is the same one. It selects nothing until it is verified.

    Raises SignedOut, NotAllowed, Invalid, LimitReached. Records DomainAdded.
    """
    policies.require_may_lead_people(caller)
    clean = _clean(host, own_host=hosts.host_of(own_url))
    async with unit_of_work(caller) as work:
        return await _claim(work, clean, token=secrets.token_hex(20))


async def vouch_for_domain(*, caller: Caller, tenant_id: UUID, host: str) -> UUID:
    """Give a tenant a host without a proof, such as one below the platform's own name. The platform answers for it: it is never looked up.

    Raises SignedOut, NotAllowed, NotFound, Invalid, LimitReached, DomainTaken. Records DomainAdded, DomainVerified.
    """
    policies.require_may_manage_tenants(caller)
    clean = _clean(host, own_host="")
    async with unit_of_work(caller) as work, on_behalf_of(work, tenant_id) as theirs:
        if await tenant_queries.lock_tenant(caller=theirs.caller) is None:
            raise NotFound("There is no such school.", path=("tenantId",))
        id = await _claim(theirs, clean, token=None)
        domain = await queries.domain_for_update(caller=theirs.caller, domain_id=id)
        assert domain is not None, "it was claimed just now"
        if domain["status"] != DomainStatus.VERIFIED or domain["verification_token"] is not None:
            state = proofs.after_check(domain, None, caller.now) | {"verification_token": None}
            with database.unique(otherwise=errors.DomainTaken):
                await rows.Domain.for_caller(theirs.caller, id=id).update(**state)
            await _keep_primary(theirs.caller)
            told = events.DomainVerified(domain_id=id, host=clean, by_platform=True)
            work.record(told)
            if tenant_id != caller.tenant_id:
                theirs.record(told)
    return id


def _clean(host: str, *, own_host: str) -> str:
    """The host as it is kept. Raises Invalid."""
    clean = hosts.clean_host(host)
    if problem := hosts.problem_with_host(clean, own_host=own_host):
        raise Invalid(Issue(problem, ("host",)))
    assert clean is not None, "else there was a problem"
    return clean


async def _claim(work: UnitOfWork, host: str, *, token: str | None) -> UUID:
    caller = work.caller
    await tenant_queries.lock_tenant(caller=caller)
    if known := await queries.domain_id_by_host(caller=caller, host=host):
        return known
    if await queries.count_of_domains(caller=caller) >= hosts.MAX_DOMAINS:
        raise LimitReached(f"A school has at most {hosts.MAX_DOMAINS} domains. Remove one first.", path=("host",))
    made = await rows.Domain.create(tenant_id=caller.tenant_id, host=host, verification_token=token, created_at=caller.now)
    work.record(events.DomainAdded(domain_id=made.id, host=host))
    return made.id


async def verify_domain(*, caller: Caller, domain_id: UUID, dns: Dns) -> UUID:
    """Look for a domain's proof, and give its id once it is there: from then on its host selects the tenant.

    Of two tenants who prove one host the first has it. Raises SignedOut, NotAllowed, NotFound, Busy within ten seconds of the last look-up, Unavailable,
    DomainUnproven, DomainTaken; those three are noted on the domain. Records DomainVerified the first time.
    """
    policies.require_may_lead_people(caller)
    await _verify(_Domains(caller), domain_id, dns)
    return domain_id


async def verify_mail_domain(*, caller: Caller, host: str, dns: Dns) -> UUID:
    """Look for the proof of the domain from which the tenant's mails are to come, and give the tenant's id once it is there. As `verify_domain`. Records MailDomainVerified."""
    policies.require_may_lead_people(caller)
    async with database.reading(caller):
        found = await queries.mail_domain_of_tenants(caller=caller, tenant_ids=[caller.tenant_id])
    if not found or found[0]["host"] != hosts.clean_host(host):
        raise NotFound("The school's mails are not to come from an address of this domain. Set one with `tenantUpdate` first.", path=("domain",))
    await _verify(_MailDomains(caller), found[0]["id"], dns)
    return caller.tenant_id


async def check_domain(*, caller: Caller, domain_id: UUID, dns: Dns) -> None:
    """Look again for the proof of a verified domain, by the clock. Records DomainLapsed when it was gone for too long. Never raises for what DNS says."""
    await _check(_Domains(caller), domain_id, dns)


async def check_mail_domain(*, caller: Caller, mail_domain_id: UUID, dns: Dns) -> None:
    """The same of a mail domain. Records MailDomainLapsed."""
    await _check(_MailDomains(caller), mail_domain_id, dns)


async def remove_domain(*, caller: Caller, domain_id: UUID) -> UUID:
    """Give a host up, and give the id it had: nothing of it stays. Raises SignedOut, NotAllowed, NotFound. Records DomainRemoved."""
    policies.require_may_lead_people(caller)
    async with unit_of_work(caller) as work:
        domain = await _lock(caller, domain_id)
        await rows.Domain.for_caller(caller, id=domain_id).delete()
        await _let_go(caller, domain["host"])
        work.record(events.DomainRemoved(domain_id=domain_id, host=domain["host"]))
    return domain_id


async def make_primary(*, caller: Caller, domain_id: UUID) -> UUID:
    """Make a verified domain the one that links use, and give its id. Raises SignedOut, NotAllowed, NotFound, Conflict for one that is not verified. Records DomainMadePrimary if it was not."""
    policies.require_may_lead_people(caller)
    async with unit_of_work(caller) as work:
        domain = await _lock(caller, domain_id)
        if domain["status"] != DomainStatus.VERIFIED:
            raise Conflict("Verify the domain first: links lead to verified ones only.", path=("id",))
        if not domain["is_primary"]:
            await rows.Domain.for_caller(caller, is_primary=True).update(is_primary=False)
            await rows.Domain.for_caller(caller, id=domain_id).update(is_primary=True)
            work.record(events.DomainMadePrimary(domain_id=domain_id, host=domain["host"]))
    return domain_id


async def change_mail_host(*, caller: Caller, host: str | None) -> datetime | None:
    """The tenant's mails are to come from this domain; gives since when that is proven, None where it is not. Inside a unit of work, with the tenant locked."""
    async with unit_of_work(caller):
        present = await queries.mail_domain_for_update(caller=caller)
        if present is not None and present["host"] == host:
            return present["verified_at"] if present["status"] == DomainStatus.VERIFIED else None
        await rows.MailDomain.for_caller(caller).delete()
        if host is not None:
            await rows.MailDomain.create(tenant_id=caller.tenant_id, host=host, verification_token=secrets.token_hex(20), created_at=caller.now)
    return None


# --- One look-up. ---


@dataclass(frozen=True)
class _Domains:
    """What is particular to hosts."""

    caller: Caller

    async def lock(self, id: UUID) -> database.Record | None:
        return await queries.domain_for_update(caller=self.caller, domain_id=id)

    async def save(self, id: UUID, state: dict[str, Any]) -> None:
        await rows.Domain.for_caller(self.caller, id=id).update(**state)

    async def settle(self, work: UnitOfWork, before: database.Record, state: dict[str, Any]) -> None:
        """Write what a look-up changes, and what follows from it. Raises DomainTaken."""
        lapsed = state.get("status") == DomainStatus.LAPSED
        with database.unique(otherwise=errors.DomainTaken):
            await self.save(before["id"], state | ({"is_primary": False} if lapsed else {}))
        if lapsed:
            await _let_go(self.caller, before["host"])
            work.record(events.DomainLapsed(domain_id=before["id"], host=before["host"]))
        elif state.get("status") == DomainStatus.VERIFIED and before["status"] != DomainStatus.VERIFIED:
            await _keep_primary(self.caller)
            work.record(events.DomainVerified(domain_id=before["id"], host=before["host"]))


@dataclass(frozen=True)
class _MailDomains:
    """What is particular to mail domains."""

    caller: Caller

    async def lock(self, id: UUID) -> database.Record | None:
        row = await queries.mail_domain_for_update(caller=self.caller)
        return row if row is not None and row["id"] == id else None

    async def save(self, id: UUID, state: dict[str, Any]) -> None:
        await rows.MailDomain.for_caller(self.caller, id=id).update(**state)

    async def settle(self, work: UnitOfWork, before: database.Record, state: dict[str, Any]) -> None:
        await self.save(before["id"], state)
        if state.get("status") == DomainStatus.LAPSED:
            await rows.Tenant.for_caller(self.caller).update(mail_from_verified_at=None)
            work.record(events.MailDomainLapsed(tenant_id=self.caller.tenant_id, host=before["host"]))
        elif state.get("status") == DomainStatus.VERIFIED and before["status"] != DomainStatus.VERIFIED:
            await rows.Tenant.for_caller(self.caller).update(mail_from_verified_at=state["verified_at"])
            work.record(events.MailDomainVerified(tenant_id=self.caller.tenant_id, host=before["host"]))


async def _verify(kind: _Domains | _MailDomains, id: UUID, dns: Dns) -> None:
    row = await _begin(kind, id)
    if row["verification_token"] is None:
        return  # the platform vouches for it
    refusal: Conflict | Unavailable | None = None
    try:
        texts = await dns.texts(hosts.challenge_name(row["host"]))
        if not hosts.is_proven(texts, row["verification_token"]):
            refusal = errors.DomainUnproven(name=hosts.challenge_name(row["host"]), found=len(texts))
    except Unavailable as error:
        refusal = error
    taken = await _settle(kind, row, _problem(refusal))
    if refusal or taken:
        raise refusal or errors.DomainTaken()


async def _check(kind: _Domains | _MailDomains, id: UUID, dns: Dns) -> None:
    try:
        await _verify(kind, id, dns)
    except (Busy, NotFound, Unavailable, errors.DomainUnproven, errors.DomainTaken):
        return  # asked just now, removed, or noted on it


def _problem(refusal: Conflict | Unavailable | None) -> DomainProblem | None:
    if refusal is None:
        return None
    return DomainProblem.DNS_UNREACHABLE if isinstance(refusal, Unavailable) else DomainProblem.PROOF_MISSING


async def _begin(kind: _Domains | _MailDomains, id: UUID) -> database.Record:
    now = kind.caller.now
    async with unit_of_work(kind.caller):
        row = await kind.lock(id)
        if row is None:
            raise NotFound("There is no such domain of yours.", path=("id",))
        if wait := proofs.seconds_to_wait(row["checked_at"], now):
            raise Busy(f"This was looked up a moment ago. Ask again in {wait} s.", retry_after_seconds=wait)
        await kind.save(id, {"checked_at": now})
    return row


async def _settle(kind: _Domains | _MailDomains, asked: database.Record, problem: DomainProblem | None) -> bool:
    """Write what was found, unless it was asked anew since. Gives whether another tenant has the host."""
    async with unit_of_work(kind.caller) as work:
        await tenant_queries.lock_tenant(caller=kind.caller)
        row = await kind.lock(asked["id"])
        if row is None:
            raise NotFound("The domain was removed meanwhile.", path=("id",))
        if row["checked_at"] != kind.caller.now:
            return False
        try:
            async with database.savepoint():
                await kind.settle(work, row, proofs.after_check(row, problem, kind.caller.now))
        except errors.DomainTaken:
            await kind.save(row["id"], {"problem": DomainProblem.TAKEN})
            return True
    return False


async def _lock(caller: Caller, domain_id: UUID) -> database.Record:
    """The tenant first, always: its domains change one after another."""
    await tenant_queries.lock_tenant(caller=caller)
    domain = await queries.domain_for_update(caller=caller, domain_id=domain_id)
    if domain is None:
        raise NotFound("There is no such domain of yours.", path=("id",))
    return domain


async def _let_go(caller: Caller, host: str) -> None:
    """A host is the tenant's no more: nothing leads there."""
    tenant = await tenant_queries.lock_tenant(caller=caller)
    if tenant and tenant["storefront_url"] and hosts.host_of(tenant["storefront_url"]) == host:
        await rows.Tenant.for_caller(caller).update(storefront_url=None)
    await _keep_primary(caller)


async def _keep_primary(caller: Caller) -> None:
    """While any domain is verified one of them is primary: where none is, the one that was verified first."""
    if await rows.Domain.for_caller(caller, is_primary=True).exists():
        return
    if first := await rows.Domain.for_caller(caller, status=DomainStatus.VERIFIED).order_by("verified_at", "id").first():
        await rows.Domain.for_caller(caller, id=first.id).update(is_primary=True)
