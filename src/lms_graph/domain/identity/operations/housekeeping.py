"""Forgetting what is over: sessions, sign-ins that wait for a second factor, and links."""

from lms_graph.domain.identity.rules import links, sessions
from lms_graph.models import database

AT_ONCE = 5_000


async def sweep() -> None:
    """Drop sessions ninety days after they could have lived longest, links thirty days after their end, and waiting sign-ins whose time is over: of all schools, a few thousand at a time."""
    while await _sweep_sessions() == AT_ONCE:
        pass
    async with database.as_system() as connection:
        await connection.execute("DELETE FROM challenges WHERE expires_at < now() - $1::interval", links.KEPT_AFTER_END)
        await connection.execute("DELETE FROM second_factor_tokens WHERE expires_at < now()")


async def _sweep_sessions() -> int:
    async with database.as_system() as connection:
        over = await connection.fetch("SELECT tenant_id, id FROM sessions WHERE expires_at < now() - $1::interval LIMIT $2", sessions.KEPT_AFTER_END, AT_ONCE)
        of = ([row["tenant_id"] for row in over], [row["id"] for row in over])
        await connection.execute(
            "DELETE FROM session_tokens t USING unnest($1::uuid[], $2::uuid[]) AS o(tenant_id, id) WHERE t.tenant_id = o.tenant_id AND t.session_id = o.id", *of
        )
        await connection.execute("DELETE FROM sessions s USING unnest($1::uuid[], $2::uuid[]) AS o(tenant_id, id) WHERE s.tenant_id = o.tenant_id AND s.id = o.id", *of)
    return len(over)
