"""`node` and `nodes`: any id of this API."""

import asyncio
from typing import Annotated, Any

import strawberry

from lms_graph.context import Info
from lms_graph.kit.errors import Invalid, Issue, NotAllowed, SignedOut
from lms_graph.kit.ids import parse_id
from lms_graph.types.costs import as_long_as
from lms_graph.types.errors import query
from lms_graph.types.nodes import Node

MAX_IDS = 100

# The loader that reads a node by its UUID, per prefix. What a loader gives None for is missing, foreign or hidden.
LOADERS = {
    "sto": "tenancy.storefront",
    "tnt": "tenancy.tenant",
    "dom": "tenancy.domain",
    "vwr": "identity.viewer",
    "ses": "identity.session",
    "ins": "identity.instructor",
    "prf": "identity.profile",
    "key": "identity.api_key",
    "aud": "identity.audit_entry",
    "idp": "identity.identity_provider",
    "sop": "identity.social_provider",
    "mbr": "identity.member",
    "app": "identity.application",
    "tea": "catalog.team_member",
    "cat": "catalog.category",
    "crs": "catalog.visible_course",
    "ver": "catalog.published_version",
    "sec": "catalog.section",
    "lec": "learning.lecture",
    "res": "learning.resource",
    "enr": "learning.enrollment",
    "ent": "learning.entitlement",
    "att": "assessment.attempt",
    "qzo": "assessment.sat_quiz",
    "crt": "certificates.certificate",
    "pye": "payouts.payee",
    "pot": "payouts.payout",
    "stm": "payouts.statement",
    "led": "payouts.entry",
}


async def _load(info: Info, id: str) -> Any:
    parsed = parse_id(id)
    if parsed is None or parsed[0] not in LOADERS:
        return None
    area, name = LOADERS[parsed[0]].split(".")
    try:
        return await getattr(getattr(info.context.loaders, area), name).load(parsed[1])
    except (SignedOut, NotAllowed):
        return None  # not for visitors, or not for keys: one such id among many takes nothing from the others


@strawberry.type
class NodeQuery:
    @query(description="Any object by its id; null when it is missing or not for you.")
    async def node(self, info: Info, id: Annotated[strawberry.ID, strawberry.argument(description="An id from any field of this API.")]) -> Node | None:
        node: Node | None = await _load(info, id)
        return node

    @query(description="Objects by their ids, in order; null for each that is missing or not for you.", size=as_long_as("ids"))
    async def nodes(self, info: Info, ids: Annotated[list[strawberry.ID], strawberry.argument(description="At most 100.")]) -> list[Node | None]:
        if len(ids) > MAX_IDS:
            raise Invalid(Issue(f"`ids` takes at most {MAX_IDS}.", ("ids",)))
        return list(await asyncio.gather(*(_load(info, id) for id in ids)))
