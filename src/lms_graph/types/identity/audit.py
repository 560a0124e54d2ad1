"""The audit log."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Self
from uuid import UUID

import orjson
import strawberry

from lms_graph.domain.identity.rules.audit import SHOWN_AS
from lms_graph.kit.ids import public_id
from lms_graph.types.connections import Connection
from lms_graph.types.costs import listed
from lms_graph.types.filters import PeriodFilter, StringFilter
from lms_graph.types.identity.accounts import Profile
from lms_graph.types.identity.keys import ApiKey
from lms_graph.types.nodes import Node, child, decode_id
from lms_graph.types.personal import personal


@strawberry.type(description="One value of what was done.")
class AuditDetail:
    name: str = strawberry.field(description="Which, such as `scopes`.")
    value: str = strawberry.field(description="A text or an id as it is; anything else as JSON.")


@strawberry.type(
    description="An entry of the audit log: who changed rights or money. It stands in the log if and only if it was done, and is never changed. Who holds AUDIT_READ may read it."
)
class AuditEntry(Node):
    at: datetime = strawberry.field(description="When it was done.")
    action: str = strawberry.field(description="What was done, in the past tense: `ApiKeyCreated`. Further ones will come.")
    subject_id: strawberry.ID = strawberry.field(description="What it was done to: an id for `node`, which answers null for what you may not see.")
    details: list[AuditDetail] = listed(4, description="With what: amounts, reasons, further ids. Never a secret.")
    by_system: bool = strawberry.field(description="Whether the house did it by itself: a job, or the platform that runs the school.")
    account_id: strawberry.Private[UUID | None]
    impersonator_id: strawberry.Private[UUID | None]
    person_id: strawberry.Private[UUID | None]
    key_id: strawberry.Private[UUID | None]
    address: strawberry.Private[str | None]

    actor: Profile | None = child(
        "identity.profile",
        key="account_id",
        description="The account that did it; null for an API key, for the system, for who was not signed in (with a link from a mail, say), and for an account that was erased.",
    )
    impersonator: Profile | None = child("identity.profile", key="impersonator_id", description="Who it was in truth, when somebody looked at the school as `actor`.")
    api_key: ApiKey | None = child("identity.api_key", key="key_id", description="The API key that did it. Takes API_KEYS_MANAGE; null for others.")
    ip_address: str | None = personal(
        "address", of="person_id", description="The IPv4 or IPv6 address from which it was done; null for the system. One's own, or with PERSONAL_READ."
    )

    @classmethod
    def from_row(cls, row: Any) -> Self:
        return cls(
            id=strawberry.ID(public_id("aud", row["id"])),
            at=row["at"],
            action=row["action"],
            subject_id=strawberry.ID(row["subject"]),
            details=[AuditDetail(name=name, value=value) for name, value in _details(orjson.loads(row["details"]))],
            by_system=row["is_system"],
            account_id=row["account_id"],
            impersonator_id=row["impersonator_id"],
            person_id=row["impersonator_id"] or row["account_id"],
            key_id=row["api_key_id"],
            address=row["ip_address"],
        )


def _details(payload: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """A fact's values as the API says them: ids with their prefixes, and none that has no prefix."""
    for name, value in payload.items():
        if value is None or (name.endswith("_id") and name not in SHOWN_AS):
            continue
        first, *others = name.split("_")
        told = public_id(SHOWN_AS[name], UUID(value)) if name in SHOWN_AS else value if isinstance(value, str) else orjson.dumps(value).decode()
        yield first + "".join(map(str.capitalize, others)), told


@strawberry.type(description="A page of the audit log.")
class AuditEntryConnection(Connection[AuditEntry]):
    pass


@strawberry.input(description="Which entries: all of what is given.")
class AuditLogWhere:
    action: StringFilter | None = strawberry.field(default=None, description="By what was done.")
    actor_id: strawberry.ID | None = strawberry.field(default=None, description="By who did it, as who they are or as somebody else: the id of a Profile.")
    subject_id: strawberry.ID | None = strawberry.field(default=None, description="By what it was done to: an id as `subjectId` has it.")
    at: PeriodFilter | None = strawberry.field(default=None, description="By when.")

    def as_arguments(self) -> dict[str, Any]:
        return {
            "actions": self.action and self.action.values(),
            "actor_id": self.actor_id and decode_id(self.actor_id, "prf", path="actorId"),
            "subject": self.subject_id,
            "since": self.at and self.at.gte,
            "until": self.at and self.at.lt,
        }
