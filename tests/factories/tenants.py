"""Tenants."""

from uuid import UUID, uuid4

from lms_graph.domain.tenancy import operations


async def tenant(slug: str | None = None, name: str = "A School") -> tuple[UUID, str]:
    """A tenant of its own for a test: its id and slug."""
    slug = slug or f"t-{uuid4().hex[:12]}"
    return await operations.create_tenant(slug=slug, name=name), slug
