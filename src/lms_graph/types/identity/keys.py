"""API keys."""

from datetime import datetime
from typing import Any, Self
from uuid import UUID

import strawberry

from lms_graph.kit.ids import public_id
from lms_graph.kit.permissions import Permission as Right
from lms_graph.models import identity as rows
from lms_graph.types.connections import Connection
from lms_graph.types.enums import described
from lms_graph.types.errors import Payload
from lms_graph.types.identity.accounts import Profile
from lms_graph.types.nodes import Node, child, decode_id
from lms_graph.types.permissions import Permission

ApiKeyKind = described(
    rows.ApiKeyKind,
    "ApiKeyKind",
    "For whom an API key is.",
    SECRET="For servers: sent as `Authorization: Bearer lms_sk_…`, never from a browser. It may do what both its scopes and its maker's present rights allow.",
    PUBLISHABLE="For pages in browsers: sent as `X-Api-Key: lms_pk_…`, alone or beside a person's access token. It names the school, and holds no right.",
)


@strawberry.type(description="A key for programs. Who holds API_KEYS_MANAGE may read all of it; nobody reads the secret again.")
class ApiKey(Node):
    name: str = strawberry.field(description="What it is for: 1 to 100 characters.")
    kind: ApiKeyKind = strawberry.field(description="For servers or for browsers.")
    scopes: list[Permission] = strawberry.field(description="What it may do, as far as its maker still may; by name. None is a visitor's rights.")
    last_four: str = strawberry.field(description="The last four characters of the secret, to tell keys apart by.")
    created_at: datetime = strawberry.field(description="When it was made.")
    expires_at: datetime | None = strawberry.field(description="When it ends by itself; null for a publishable key that does not.")
    last_used_at: datetime | None = strawberry.field(description="When it was last sent, to about a minute; null when it never was.")
    revoked_at: datetime | None = strawberry.field(description="When it was revoked; null while it was not.")
    account_id: strawberry.Private[UUID]
    created_by: Profile | None = child("identity.profile", key="account_id", description="Who made it; null once they are erased, and then a secret key is good for nothing.")

    @classmethod
    def from_row(cls, row: Any) -> Self:
        return cls(
            id=strawberry.ID(public_id("key", row["id"])),
            name=row["name"],
            kind=rows.ApiKeyKind(row["kind"]),
            scopes=[Right(scope) for scope in row["scopes"] if scope in Right.__members__],
            last_four=row["last_four"],
            created_at=row["created_at"],
            expires_at=row["expires_at"],
            last_used_at=row["last_used_at"],
            revoked_at=row["revoked_at"],
            account_id=row["account_id"],
        )


@strawberry.type(description="A page of the school's API keys.")
class ApiKeyConnection(Connection[ApiKey]):
    pass


@strawberry.input(description="A new API key.")
class ApiKeyCreateInput:
    name: str = strawberry.field(description="What it is for: one line of 1 to 100 characters.")
    kind: ApiKeyKind = strawberry.field(description="For servers or for browsers.")
    scopes: list[Permission] = strawberry.field(description="What it may do: some of what you may do yourself, at most 100. None for a publishable key.")
    expires_at: datetime | None = strawberry.field(
        default=None, description="When it ends, at most two years from now. Left out, a secret key ends after a year and a publishable one not at all."
    )
    idempotency_key: str = strawberry.field(description="Of your making, 1 to 255 characters, new for each key that is meant.")

    def as_arguments(self) -> dict[str, Any]:
        return {"name": self.name, "kind": self.kind, "scopes": self.scopes, "expires_at": self.expires_at, "key": self.idempotency_key}


@strawberry.type(description="What `apiKeyCreate` answers.")
class ApiKeyCreatePayload(Payload):
    key_id: strawberry.Private[UUID | None] = None
    api_key: ApiKey | None = child("identity.api_key", key="key_id", description="The new key.")
    secret: str | None = strawberry.field(
        default=None,
        description="The key itself, shown this once and never again: only its hash is kept. Null when the request was repeated: if the answer was lost, revoke it and make another.",
    )


@strawberry.input(description="Which API key ends.")
class ApiKeyRevokeInput:
    id: strawberry.ID = strawberry.field(description="The API key.")

    def as_arguments(self) -> dict[str, Any]:
        return {"key_id": decode_id(self.id, "key", path="id")}


@strawberry.type(description="What `apiKeyRevoke` answers.")
class ApiKeyRevokePayload(Payload):
    key_id: strawberry.Private[UUID | None] = None
    api_key: ApiKey | None = child("identity.api_key", key="key_id", description="The key, which is good no more.")
