"""Who learns in the school: a run each, ten lectures into an open course, the first sixty and every tenth after them in the same one; made by a few statements as the owner."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg

from lms_graph.kit.ids import new_id, public_id
from lms_graph.kit.secrets import new_token, token_hash

POPULAR = "course-5"


@dataclass(frozen=True)
class Learner:
    """Somebody signed in with a run, and a video of its course that they have not finished."""

    token: str
    account_id: UUID
    run_id: UUID
    slug: str
    video_id: str
    video_seconds: int

    @property
    def run(self) -> str:
        return public_id("enr", self.run_id)


async def signed_in(owner_url: str, tenant_id: UUID, count: int) -> list[Learner]:
    """Some of them, from here and there and the same each time, each with an access token that outlasts the run of the bench."""
    now = datetime.now(UTC)
    owner = await asyncpg.connect(owner_url)
    try:
        rows = await owner.fetch(_SOME, tenant_id, count)
        tokens, sessions = [new_token() for _ in rows], [new_id() for _ in rows]
        here: tuple[Any, ...] = (
            tenant_id,
            sessions,
            [row["account_id"] for row in rows],
            [new_id() for _ in rows],
            [token_hash(token) for token in tokens],
            now,
            now + timedelta(days=1),
        )
        await owner.execute(_SESSIONS, *here)
    finally:
        await owner.close()
    return [
        Learner(token, row["account_id"], row["id"], row["slug"], public_id("lec", row["lecture_id"]), row["duration_seconds"]) for token, row in zip(tokens, rows, strict=True)
    ]


_SOME = """
    SELECT e.account_id, e.id, c.slug, l.lecture_id, l.duration_seconds
    FROM (SELECT * FROM enrollments WHERE tenant_id = $1 ORDER BY md5(id::text) LIMIT $2) AS e JOIN courses c ON c.tenant_id = $1 AND c.id = e.course_id,
    LATERAL (
        SELECT lecture_id, duration_seconds FROM version_lectures l WHERE l.tenant_id = $1 AND l.version_id = e.version_id AND l.content_type = 'VIDEO' AND l.position > 9
        ORDER BY position LIMIT 1
    ) AS l
    ORDER BY e.id
"""
_SESSIONS = """
    WITH given AS (SELECT * FROM unnest($2::uuid[], $3::uuid[], $4::uuid[], $5::bytea[]) AS g(session_id, account_id, id, hash)),
    opened AS (
        INSERT INTO sessions (tenant_id, id, account_id, created_at, last_seen_at, expires_at) SELECT $1, session_id, account_id, $6, $6, $7 FROM given
    )
    INSERT INTO session_tokens (tenant_id, id, session_id, kind, token_hash, created_at, expires_at) SELECT $1, id, session_id, 'ACCESS', hash, $6, $7 FROM given
"""

# Of the numbers from `bench.first` to `bench.last`; with the tools of the courses.
ROWS = (
    """
    INSERT INTO accounts (tenant_id, id, email, email_key, name, status, created_at)
    SELECT pg_temp.tenant(), pg_temp.id('learner', n), 'learner' || n || '@example.com', 'learner' || n || '@example.com',
        pg_temp.pick('{Alma,Bo,Clara,Deniz,Emil,Fatou,Goran,Ida,Jun,Katya,Luis,Mira}', 'called' || n) || ' '
        || pg_temp.pick('{Andersen,Bauer,Costa,Diallo,Eriksen,Ferrari,Gupta,Horvat,Ito,Kowalski,Lopez}', 'named' || n), 'ACTIVE', timestamptz '2026-02-01 00:00:00Z' + n * interval '1 second'
    FROM pg_temp.learners() AS n
    """,
    # Every fifth course is open to all. In one of them a page of learners is full from the beginning.
    """
    CREATE TEMPORARY TABLE runs ON COMMIT DROP AS
    SELECT n, a.id AS account_id, a.created_at AS enrolled_at, pg_temp.id('grant', n) AS grant_id, pg_temp.id('run', n) AS id, c.id AS course_id, c.published_version_id AS version_id, c.lecture_count
    FROM pg_temp.learners() AS n
    CROSS JOIN LATERAL (SELECT 5 + 5 * CASE WHEN n <= 60 OR n % 10 = 0 THEN 0 ELSE pg_temp.number('joins' || n) % (pg_temp.courses() / 5) END AS course OFFSET 0) AS chosen
    JOIN courses c ON c.tenant_id = pg_temp.tenant() AND c.id = pg_temp.id('course', course)
    JOIN accounts a ON a.tenant_id = pg_temp.tenant() AND a.id = pg_temp.id('learner', n)
    """,
    # The first nine lectures are done; the tenth too if it is a text, and seen by half if it is a video.
    """
    CREATE TEMPORARY TABLE seen ON COMMIT DROP AS
    SELECT r.id AS run_id, r.n * 10 + l.position AS n, l.position, l.lecture_id, l.completion_target, l.duration_seconds * 1000 AS whole, r.enrolled_at + (1 + l.position) * interval '1 hour' AS at,
        l.content_type = 'TEXT' OR l.position < 9 AS is_done, CASE WHEN l.content_type = 'TEXT' THEN 0 WHEN l.position < 9 THEN l.duration_seconds * 1000 ELSE l.duration_seconds * 500 END AS covered
    FROM runs r JOIN version_lectures l ON l.tenant_id = pg_temp.tenant() AND l.version_id = r.version_id AND l.position < 10
    """,
    """
    INSERT INTO account_roles (tenant_id, id, account_id, role, granted_at) SELECT pg_temp.tenant(), pg_temp.id('student', n), account_id, 'STUDENT', enrolled_at FROM runs
    """,
    """
    INSERT INTO entitlements (tenant_id, id, account_id, subject_kind, subject_id, kind, state, starts_at, terms, created_at)
    SELECT pg_temp.tenant(), grant_id, account_id, 'COURSE', course_id, 'OPEN', 'ACTIVE', enrolled_at, '{}', enrolled_at FROM runs
    """,
    """
    INSERT INTO enrollments (tenant_id, id, account_id, course_id, version_id, run_number, status, entitlement_id, progress_percent, enrolled_at, last_activity_at, resume_lecture_id, resume_position_ms)
    SELECT pg_temp.tenant(), r.id, r.account_id, r.course_id, r.version_id, 1, 'ACTIVE', r.grant_id, sums.hundredths / r.lecture_count, r.enrolled_at, sums.at, next.lecture_id,
        CASE next.position WHEN 9 THEN next.duration_seconds * 500 ELSE 0 END
    FROM runs r
    JOIN (
        SELECT run_id, sum(CASE WHEN is_done THEN 100 ELSE least(99, covered * 100 / whole * 100 / completion_target) END) AS hundredths, max(at) AS at, bool_and(is_done) AS all_done
        FROM seen GROUP BY run_id
    ) AS sums ON sums.run_id = r.id
    JOIN version_lectures next ON next.tenant_id = pg_temp.tenant() AND next.version_id = r.version_id AND next.position = CASE WHEN sums.all_done THEN 10 ELSE 9 END
    """,
    """
    INSERT INTO lecture_progress (tenant_id, id, enrollment_id, lecture_id, ranges, covered_ms, watch_time_ms, last_position_ms, last_event_at, completed_at)
    SELECT pg_temp.tenant(), pg_temp.id('seen', n), run_id, lecture_id, CASE covered WHEN 0 THEN '{}' ELSE int4multirange(int4range(0, covered)) END, covered, covered, covered, at,
        CASE WHEN is_done THEN at END FROM seen
    """,
    """
    INSERT INTO progress_devices (tenant_id, id, enrollment_id, device_id, high_water, ahead) SELECT pg_temp.tenant(), pg_temp.id('device', n), id, 'phone', 10, '{}' FROM runs
    """,
    """
    INSERT INTO progress_events (tenant_id, enrollment_id, device_id, client_event_id, lecture_id, kind, from_ms, to_ms, occurred_at, received_at)
    SELECT pg_temp.tenant(), run_id, 'phone', 1 + position, lecture_id, 'WATCHED', 0, covered, at, now() FROM seen WHERE covered > 0 AND position > 6
    """,
    "INSERT INTO aggregates (tenant_id, id, last_sequence) SELECT pg_temp.tenant(), id, 1 FROM runs",
    # Told already: no relay has them to deliver.
    """
    INSERT INTO facts (tenant_id, id, position, name, version, aggregate_id, sequence, payload, recorded_at)
    SELECT pg_temp.tenant(), pg_temp.id('fact', n), nextval('fact_positions'), 'EnrollmentOpened', 1, id, 1,
        jsonb_build_object('enrollment_id', id, 'account_id', account_id, 'course_id', course_id), enrolled_at FROM runs
    """,
    """
    UPDATE courses c SET enrollment_count = enrollment_count + new.runs FROM (SELECT course_id, count(*) AS runs FROM runs GROUP BY course_id) AS new
    WHERE c.tenant_id = pg_temp.tenant() AND c.id = new.course_id
    """,
)
