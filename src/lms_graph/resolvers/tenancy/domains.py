"""Root fields about host names and mail domains."""

from typing import Annotated

import strawberry

from lms_graph.context import Info
from lms_graph.domain.tenancy.operations import domains
from lms_graph.kit.ids import public_id
from lms_graph.kit.permissions import Permission
from lms_graph.types.errors import mutation
from lms_graph.types.tenancy.domains import (
    DomainAddInput,
    DomainAddPayload,
    DomainMakePrimaryInput,
    DomainMakePrimaryPayload,
    DomainRemoveInput,
    DomainRemovePayload,
    DomainVerifyInput,
    DomainVerifyPayload,
    MailDomainVerifyInput,
    MailDomainVerifyPayload,
    TenantDomainAddInput,
    TenantDomainAddPayload,
)


@strawberry.type
class DomainsMutation:
    @mutation(
        description="Claim a host for the school, at most 20; one that it has claimed already is the same domain. Set `dnsRecords`, then verify it. Its administrators, not API keys. Codes: INVALID, LIMIT_REACHED.",
        requires=[Permission.TENANT_MANAGE],
    )
    async def domain_add(self, info: Info, input: Annotated[DomainAddInput, strawberry.argument(description="Which host.")]) -> DomainAddPayload:
        return DomainAddPayload(domain_id=await domains.add_domain(caller=info.context.caller, host=input.host, own_url=info.context.adapters.base_url))

    @mutation(
        description="Look for a domain's proof in DNS: once it is found, the host selects the school. It is looked up again each day, and lapses when it was gone for seven. RATE_LIMITED within "
        "10 seconds of the last look-up. Its administrators. Codes: NOT_FOUND, DOMAIN_UNPROVEN, DOMAIN_TAKEN, UNAVAILABLE.",
        cost=100,
        requires=[Permission.TENANT_MANAGE],
    )
    async def domain_verify(self, info: Info, input: Annotated[DomainVerifyInput, strawberry.argument(description="Which domain.")]) -> DomainVerifyPayload:
        return DomainVerifyPayload(domain_id=await domains.verify_domain(caller=info.context.caller, dns=info.context.adapters.dns, **input.as_arguments()))

    @mutation(
        description="Give a host up: from now on it selects nothing, links lead elsewhere, and a new claim takes a new proof. The school's administrators, not API keys. Codes: NOT_FOUND.",
        requires=[Permission.TENANT_MANAGE],
    )
    async def domain_remove(self, info: Info, input: Annotated[DomainRemoveInput, strawberry.argument(description="Which domain.")]) -> DomainRemovePayload:
        return DomainRemovePayload(id=strawberry.ID(public_id("dom", await domains.remove_domain(caller=info.context.caller, **input.as_arguments()))))

    @mutation(
        description="Make a verified domain the one that links use. The school's administrators, not API keys. Codes: NOT_FOUND, CONFLICT (not verified).",
        requires=[Permission.TENANT_MANAGE],
    )
    async def domain_make_primary(self, info: Info, input: Annotated[DomainMakePrimaryInput, strawberry.argument(description="Which domain.")]) -> DomainMakePrimaryPayload:
        return DomainMakePrimaryPayload(domain_id=await domains.make_primary(caller=info.context.caller, **input.as_arguments()))

    @mutation(
        description="Look for the proof of the domain from which the school's mails are to come: once it is found, they do. As `domainVerify`. Its administrators, not API keys. "
        "Codes: NOT_FOUND, DOMAIN_UNPROVEN, UNAVAILABLE.",
        cost=100,
        requires=[Permission.TENANT_MANAGE],
    )
    async def mail_domain_verify(self, info: Info, input: Annotated[MailDomainVerifyInput, strawberry.argument(description="Which domain.")]) -> MailDomainVerifyPayload:
        return MailDomainVerifyPayload(tenant_id=await domains.verify_mail_domain(caller=info.context.caller, host=input.domain, dns=info.context.adapters.dns))

    @mutation(
        description="Give a tenant a host without asking for a proof, such as one below the platform's own name. The platform's administrators. "
        "Codes: NOT_FOUND, INVALID, LIMIT_REACHED, DOMAIN_TAKEN.",
        requires=[Permission.TENANTS_MANAGE],
    )
    async def tenant_domain_add(self, info: Info, input: Annotated[TenantDomainAddInput, strawberry.argument(description="Whose, and which host.")]) -> TenantDomainAddPayload:
        return TenantDomainAddPayload(domain_id=await domains.vouch_for_domain(caller=info.context.caller, **input.as_arguments()))
