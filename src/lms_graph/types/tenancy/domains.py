"""Host names and mail domains, as those see them who run the tenant."""

from datetime import datetime
from enum import Enum
from typing import Any, Self
from uuid import UUID

import strawberry

from lms_graph.context import Info
from lms_graph.domain.tenancy.rules import hosts
from lms_graph.kit.ids import public_id
from lms_graph.models import tenancy as rows
from lms_graph.types.costs import usually
from lms_graph.types.enums import described
from lms_graph.types.errors import Payload
from lms_graph.types.nodes import Node, child, decode_id

HOST = "A name in public DNS, such as `learn.school.example`, up to 232 characters in ASCII; letters beyond ASCII are taken and kept as DNS spells them. No scheme, port or path."

DomainStatus = described(
    rows.DomainStatus,
    "DomainStatus",
    "How a name's proof stands.",
    PENDING="Claimed; its proof was not found yet.",
    VERIFIED="Proven, and looked up again each day.",
    LAPSED="It was proven, and its proof was gone for seven days. Set the record again, and verify again.",
)
DomainProblem = described(
    rows.DomainProblem,
    "DomainProblem",
    "What the last look-up met. Further values may come.",
    PROOF_MISSING="DNS answers, and the proof is not in what it says.",
    DNS_UNREACHABLE="DNS does not answer for this name, or not with sense.",
    TAKEN="The proof is there, but another tenant has proven the host before and has it still.",
)


@strawberry.enum(description="Types of DNS records. Further values may come.")
class DnsRecordType(Enum):
    TXT = strawberry.enum_value("TXT", description="A text.")
    CNAME = strawberry.enum_value("CNAME", description="Another name for a host.")
    A = strawberry.enum_value("A", description="An IPv4 address.")
    AAAA = strawberry.enum_value("AAAA", description="An IPv6 address.")


@strawberry.type(description="A record to set in DNS, at whoever runs the domain's.")
class DnsRecord:
    type: DnsRecordType = strawberry.field(description="Its type.")
    name: str = strawberry.field(description="The full name that it belongs to. Some editors want it without the domain at its end.")
    value: str = strawberry.field(description="What it says, without quotes.")

    @classmethod
    def of(cls, record: hosts.DnsRecord) -> Self:
        return cls(type=DnsRecordType[record.type], name=record.name, value=record.value)


@strawberry.type(description="A host name that a tenant claims: once it is verified, it selects the tenant. Its administrators, and the platform's once it is verified.")
class Domain(Node):
    host: str = strawberry.field(description="Lower case, in ASCII, without port; up to 232 characters.")
    status: DomainStatus = strawberry.field(description="How its proof stands.")
    primary: bool = strawberry.field(description="Whether links use this one. One of the verified ones always is.")
    verified_at: datetime | None = strawberry.field(description="Since when it is verified, or when it last was; null when it never was.")
    checked_at: datetime | None = strawberry.field(description="When its proof was last looked up.")
    problem: DomainProblem | None = strawberry.field(description="What the last look-up met; null when all was well or nobody has looked.")
    token: strawberry.Private[str | None]

    @strawberry.field(
        description="What to set in DNS: the proof (TXT), which must stay, and the way to the server. At the top of a domain, where no CNAME may stand, use what your DNS has for it "
        "(ALIAS, ANAME). No proof is asked for where the platform itself has set the host.",
        directives=[usually(2)],
    )
    def dns_records(self, info: Info) -> list[DnsRecord]:
        return [DnsRecord.of(record) for record in hosts.records_of_host(self.host, self.token, own_host=hosts.host_of(info.context.adapters.base_url))]

    @classmethod
    def from_row(cls, row: Any) -> Self:
        return cls(id=strawberry.ID(public_id("dom", row["id"])), primary=row["is_primary"], **_proof(row))


@strawberry.type(description="The domain from which a tenant's mails are to come. Its administrators only.")
class MailDomain:
    host: str = strawberry.field(description="What stands behind the @ of the address, in ASCII.")
    status: DomainStatus = strawberry.field(description="Mails come from the address while this is VERIFIED, and else from the platform's own.")
    verified_at: datetime | None = strawberry.field(description="Since when it is verified, or when it last was; null when it never was.")
    checked_at: datetime | None = strawberry.field(description="When its proof was last looked up.")
    problem: DomainProblem | None = strawberry.field(description="What the last look-up met; null when all was well or nobody has looked.")
    token: strawberry.Private[str | None]

    @strawberry.field(
        description="What to set in DNS: the proof (TXT), which must stay, and what the platform's mail service wants, so that mails are not taken for spam (SPF, DKIM). "
        "A domain has one SPF record: where there is one already, add the `include:` to it.",
        directives=[usually(4)],
    )
    def dns_records(self, info: Info) -> list[DnsRecord]:
        return [DnsRecord.of(record) for record in hosts.records_of_mail(self.host, self.token, info.context.adapters.mail_records)]

    @classmethod
    def from_row(cls, row: Any) -> Self:
        return cls(**_proof(row))


def _proof(row: Any) -> dict[str, Any]:
    return {
        "host": row["host"],
        "status": DomainStatus(row["status"]),
        "verified_at": row["verified_at"],
        "checked_at": row["checked_at"],
        "problem": DomainProblem(row["problem"]) if row["problem"] else None,
        "token": row["verification_token"],
    }


@strawberry.input(description="A host to claim.")
class DomainAddInput:
    host: str = strawberry.field(description=HOST)


@strawberry.input(description="A domain to look up.")
class DomainVerifyInput:
    id: strawberry.ID = strawberry.field(description="The domain (`Domain.id`).")

    def as_arguments(self) -> dict[str, Any]:
        return {"domain_id": decode_id(self.id, "dom", path="id")}


@strawberry.input(description="A domain to give up.")
class DomainRemoveInput:
    id: strawberry.ID = strawberry.field(description="The domain (`Domain.id`).")

    def as_arguments(self) -> dict[str, Any]:
        return {"domain_id": decode_id(self.id, "dom", path="id")}


@strawberry.input(description="The domain that links are to use.")
class DomainMakePrimaryInput:
    id: strawberry.ID = strawberry.field(description="The domain (`Domain.id`).")

    def as_arguments(self) -> dict[str, Any]:
        return {"domain_id": decode_id(self.id, "dom", path="id")}


@strawberry.input(description="The mail domain to look up.")
class MailDomainVerifyInput:
    domain: str = strawberry.field(description="Its name, as `MailDomain.host` says: so that none is verified that somebody else has just put in its place.")


@strawberry.input(description="A host for a tenant, without a proof.")
class TenantDomainAddInput:
    tenant_id: strawberry.ID = strawberry.field(description="The tenant (`Tenant.id`).")
    host: str = strawberry.field(description=HOST + " It may be one below the platform's own.")

    def as_arguments(self) -> dict[str, Any]:
        return {"tenant_id": decode_id(self.tenant_id, "tnt", path="tenantId"), "host": self.host}


@strawberry.type(description="A payload about one domain.")
class _DomainPayload(Payload):
    domain_id: strawberry.Private[UUID | None] = None
    domain: Domain | None = child("tenancy.domain", key="domain_id", description="The domain as it is now.")


@strawberry.type(description="What `domainAdd` answers.")
class DomainAddPayload(_DomainPayload):
    pass


@strawberry.type(description="What `domainVerify` answers.")
class DomainVerifyPayload(_DomainPayload):
    pass


@strawberry.type(description="What `domainMakePrimary` answers.")
class DomainMakePrimaryPayload(_DomainPayload):
    pass


@strawberry.type(description="What `tenantDomainAdd` answers.")
class TenantDomainAddPayload(_DomainPayload):
    pass


@strawberry.type(description="What `domainRemove` answers.")
class DomainRemovePayload(Payload):
    id: strawberry.ID | None = strawberry.field(default=None, description="The id of the domain that is gone.")


@strawberry.type(description="What `mailDomainVerify` answers.")
class MailDomainVerifyPayload(Payload):
    tenant_id: strawberry.Private[UUID | None] = None
    mail_domain: MailDomain | None = child("tenancy.mail_domain", key="tenant_id", description="The mail domain as it is now.")
