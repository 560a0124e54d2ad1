"""How long courses were watched by those who hold all access."""

from datetime import datetime
from uuid import UUID

from lms_graph.kit.caller import Caller
from lms_graph.models import database


async def seconds_with_all_access(*, caller: Caller, start: datetime, end: datetime) -> dict[UUID, int]:
    """Whole seconds by course, of what learners watched while a paid grant of all courses was theirs. A month at a time: the events' partitions are months.

    Exact to the millisecond of what devices sent, and rounded down to seconds per course. What is watched again counts again. An event belongs to the period in which it
    arrived, not in which it was watched, so that a period that is over never changes. Of a learner with several grants of all access the whole span counts.
    """
    rows = await database.fetch(
        "WITH holders AS (SELECT g.account_id, min(g.starts_at) AS starts_at, max(least(coalesce(g.ends_at, 'infinity'), coalesce(g.revoked_at, 'infinity'))) AS ends_at "
        "FROM entitlements g WHERE g.tenant_id = $1 AND g.subject_kind = 'ALL_ACCESS' AND g.subject_id IS NULL AND g.kind IN ('ORDER', 'SUBSCRIPTION', 'INSTALLMENT_PLAN') AND g.starts_at < $3 "
        "AND coalesce(g.ends_at, 'infinity') > $2 AND coalesce(g.revoked_at, 'infinity') > $2 GROUP BY g.account_id) "
        "SELECT e.course_id, (sum(p.to_ms::bigint - p.from_ms) / 1000)::bigint AS seconds FROM holders h "
        "JOIN enrollments e ON e.tenant_id = $1 AND e.account_id = h.account_id "
        "JOIN progress_events p ON p.tenant_id = $1 AND p.enrollment_id = e.id AND p.received_at >= greatest($2, h.starts_at) AND p.received_at < least($3, h.ends_at) "
        "WHERE p.kind = 'WATCHED' AND p.received_at >= $2 AND p.received_at < $3 GROUP BY e.course_id",
        caller.tenant_id,
        start,
        end,
    )
    return {row["course_id"]: row["seconds"] for row in rows if row["seconds"] > 0}
