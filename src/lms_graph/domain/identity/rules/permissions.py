"""What each role may do in its tenant. Rights over single courses come from the course's team instead."""

from collections.abc import Collection
from functools import lru_cache

from lms_graph.kit.permissions import Permission
from lms_graph.models.identity import Role

_INSTRUCTOR = frozenset({Permission.COURSES_DRAFT, Permission.COURSES_SELL})
_SUPPORT = frozenset({Permission.MEMBERS_READ, Permission.PERSONAL_READ, Permission.ENTITLEMENTS_READ, Permission.ENROLLMENTS_READ, Permission.ORDERS_READ})
_TENANT_ADMIN = frozenset(Permission) - {Permission.TENANTS_MANAGE}

PERMISSIONS: dict[Role, frozenset[Permission]] = {
    Role.PLATFORM_ADMIN: _TENANT_ADMIN | {Permission.TENANTS_MANAGE},
    Role.TENANT_ADMIN: _TENANT_ADMIN,
    Role.INSTRUCTOR: _INSTRUCTOR,
    Role.APPLICANT: frozenset({Permission.COURSES_DRAFT}),
    Role.SUPPORT: _SUPPORT,
    Role.STUDENT: frozenset(),
}

ADMINS = frozenset({Role.PLATFORM_ADMIN, Role.TENANT_ADMIN})
"""The roles of which a tenant keeps somebody active, once it has somebody."""


def permissions_of(roles: Collection[str], *, in_platform: bool = False) -> frozenset[Permission]:
    """The union of what the roles may do. A role that this version does not know gives nothing, nor does PLATFORM_ADMIN anywhere but in the platform's own tenant."""
    return _permissions(frozenset(roles), in_platform)


@lru_cache(maxsize=1000)
def _permissions(roles: frozenset[str], in_platform: bool) -> frozenset[Permission]:
    known = [PERMISSIONS[Role(role)] for role in roles if role in Role.__members__ and (in_platform or role != Role.PLATFORM_ADMIN)]
    return frozenset().union(*known)
