"""Nodes: everything that has a globally unique id, and how a type says where its children come from."""

from collections.abc import Awaitable, Collection
from typing import Any
from uuid import UUID

import strawberry

from lms_graph.context import Context, Info
from lms_graph.execution import Child, Derived
from lms_graph.kit.errors import Invalid, Issue, NotFound
from lms_graph.kit.ids import parse_id
from lms_graph.kit.permissions import Permission
from lms_graph.limits.directives import CacheControl
from lms_graph.types.costs import usually
from lms_graph.types.permissions import requiring

PERSON = ("prf", "mbr")  # a person's ids, where an argument means somebody: as others see them, and as those who run the tenant do

# One prefix per GraphQL type; `docs/ids.md` lists them and a test holds that page against this table.
PREFIXES = {
    "Storefront": "sto",
    "Tenant": "tnt",
    "Domain": "dom",
    "Category": "cat",
    "Course": "crs",
    "CourseVersion": "ver",
    "Section": "sec",
    "Lecture": "lec",
    "LectureResource": "res",
    "Instructor": "ins",
    "Viewer": "vwr",
    "SignedInSession": "ses",
    "Profile": "prf",
    "ApiKey": "key",
    "AuditEntry": "aud",
    "IdentityProvider": "idp",
    "SocialProvider": "sop",
    "Member": "mbr",
    "InstructorApplication": "app",
    "CourseTeamMember": "tea",
    "Enrollment": "enr",
    "Entitlement": "ent",
    "QuizOverview": "qzo",
    "Attempt": "att",
    "Question": "qst",
    "Certificate": "crt",
    "Invoice": "inv",
    "Review": "rev",
    "LearningPath": "pth",
    "SeatPool": "sea",
    "SeatAssignment": "sas",
    "File": "fil",
    "Refund": "rfd",
    "Dispute": "dsp",
    "Checkout": "chk",
    "Order": "ord",
    "Plan": "sub",
    "OrderLine": "lin",
    "Payment": "pay",
    "Offer": "off",
    "Bundle": "bun",
    "Coupon": "cpn",
    "TaxRate": "txr",
    "Payee": "pye",
    "Payout": "pot",
    "PayeeStatement": "stm",
    "LedgerEntry": "led",
}


@strawberry.interface(description="An object with a globally unique id. Any id can be given to `node` and `nodes`.")
class Node:
    id: strawberry.ID = strawberry.field(description="Opaque and globally unique. Do not take it apart.")


def decode_id(id: str, *prefixes: str, path: str) -> UUID:
    """The UUID of a public id given as an argument; several prefixes where several types stand for one thing. Raises NotFound for the id of another type, Invalid for what is no id."""
    parsed = parse_id(id)
    if parsed is None:
        raise Invalid(Issue(f"`{path}` is not an id of this API.", (path,), "ID_INVALID"))
    if parsed[0] not in prefixes:
        raise NotFound(f"`{path}` names nothing that you can see here.", path=(path,))
    return parsed[1]


def decode_or_none(id: str, *prefixes: str) -> UUID | None:
    """For queries, which answer null for whatever is missing, foreign or misspelled."""
    parsed = parse_id(id)
    return parsed[1] if parsed and parsed[0] in prefixes else None


def child(
    loader: str,
    *,
    key: str,
    description: str,
    then: str | None = None,
    size: int | None = None,
    requires: Collection[Permission] = (),
    held: CacheControl | None = None,
    **options: Any,
) -> Any:
    """A field that leads to other rows: declared by its loader (`area.name`), the attribute that holds the key, and perhaps the attribute of what is loaded.
    A list of objects says how many they usually are (`size`): so often what is asked of one is counted. `requires` are permissions without which the loader gives nothing. `held` says whether it depends on who asks, where its type does not say it.

    A plain field with a plain function, never a coroutine: an executor can batch a whole level of them.
    """
    area, name = loader.split(".")

    def loader_of(context: Context) -> Any:
        return getattr(getattr(context.loaders, area), name)

    def resolve(root: Any, info: Info) -> Any:
        value = getattr(root, key)
        if value is None:
            return None
        loading = loader_of(info.context).load(value)
        return loading if then is None else _attribute(loading, then)

    return strawberry.field(
        resolver=resolve,
        description=description,
        metadata={"child": Child(lambda context: loader_of(context).each, key, then)},
        directives=[*([usually(size)] if size else []), *requiring(requires), *([held] if held else [])],
        **options,
    )


def file_url(*, key: str, description: str, **options: Any) -> Any:
    """The address of a public file, whose id the attribute `key` holds; null without one."""

    def resolve(root: Any, info: Info) -> str | None:
        return info.context.file_url(getattr(root, key))

    return strawberry.field(resolver=resolve, description=description, metadata={"derived": Derived(lambda context: context.file_url, key)}, **options)


async def _attribute(loading: Awaitable[Any], name: str) -> Any:
    loaded = await loading
    return None if loaded is None else getattr(loaded, name)
