"""Personal data: who it is about may see it, and who holds the right to; nobody through a token that masks it."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

import strawberry
from strawberry.schema_directive import Location

from lms_graph.context import Info
from lms_graph.kit.caller import Caller
from lms_graph.kit.permissions import Permission as Right
from lms_graph.types.permissions import Permission


@strawberry.schema_directive(
    locations=[Location.FIELD_DEFINITION],
    name="personal",
    description="Personal data: an address, say. Whom it is about sees it, and who holds the permission, if one is named. For others it is null, and so it is for tokens that mask personal data, as "
    "explorers have them; a field that is never null then shows the shape of the value alone: `a•••@e•••.com`.",
)
class Personal:
    permission: Permission | None = strawberry.field(description="With it, other people's is seen too.", default=strawberry.UNSET)


def personal(value: str, *, of: str, description: str, permission: Right | None = Right.PERSONAL_READ, masked: Callable[[Any], Any] = lambda _: None) -> Any:
    """A field of personal data: declared by the attribute that holds it, and the one that holds the account whom it is about. `masked` is what others get instead."""

    def resolve(root: Any, info: Info) -> Any:
        caller, found = info.context.caller, getattr(root, value)
        if found is None:
            return None
        return found if may_see(caller, getattr(root, of), permission) else masked(found)

    return strawberry.field(
        resolver=resolve, description=description, metadata={"personal": (value, of)}, directives=[Personal(permission=permission) if permission else Personal()]
    )


def may_see(caller: Caller, about: UUID | None, permission: Right | None = Right.PERSONAL_READ) -> bool:
    """Whether personal data are shown: to whom they are about, and who holds the permission."""
    is_own = about is not None and about == caller.account_id
    return not caller.is_masked and (is_own or (permission is not None and caller.may(permission)))


def masked_email(email: str) -> str:
    """`ada@example.com` as `a•••@e•••.com`: enough to recognize one's own by."""
    local, _, domain = email.rpartition("@")
    name, dot, top = domain.rpartition(".")
    return f"{local[:1]}•••@{(name or top)[:1]}•••{dot}{top if name else ''}"
