"""A DataLoader per kind of row for stock Strawberry, and what its resolvers know of a request."""

from collections import defaultdict
from typing import Any
from uuid import UUID

import strawberry
from strawberry.dataloader import DataLoader

from bench.door import Asker, Door, Reads
from lms_graph.kit.ids import public_id
from lms_graph.kit.pages import Cursors


class Loaders:
    """One DataLoader per kind of row, for one request."""

    def __init__(self, reads: Reads, asker: Asker) -> None:
        self._reads = reads
        self._asker = asker
        self.category = self._one("SELECT id, slug, name FROM categories WHERE tenant_id = $1 AND id = ANY($2)", "id")
        self.course_instructors = self._many(
            "SELECT course_id, account_id, role FROM course_instructors WHERE tenant_id = $1 AND course_id = ANY($2) ORDER BY position", "course_id"
        )
        self.instructor = self._one(
            "SELECT i.id, i.slug, a.name, a.avatar_file_id, i.bio_html FROM instructors i JOIN accounts a ON a.tenant_id = i.tenant_id AND a.id = i.id AND a.status <> 'ERASED' "
            "WHERE i.tenant_id = $1 AND i.id = ANY($2)",
            "id",
        )
        self.counts = self._one(
            "SELECT i.account_id, count(*) AS courses, sum(c.enrollment_count) AS students FROM course_instructors i JOIN courses c ON c.tenant_id = i.tenant_id AND c.id = i.course_id "
            "WHERE i.tenant_id = $1 AND i.account_id = ANY($2) AND c.status = 'PUBLISHED' GROUP BY i.account_id",
            "account_id",
        )
        self.version = self._one(
            "SELECT id, number, published_at, description_markdown, description_html, outcomes, requirements FROM course_versions WHERE tenant_id = $1 AND id = ANY($2)", "id"
        )
        self.sections = self._many("SELECT version_id, section_id, title FROM version_sections WHERE tenant_id = $1 AND version_id = ANY($2) ORDER BY position", "version_id")
        self.lectures = self._many(
            "SELECT l.version_id, l.section_id, l.lecture_id, l.title, l.content_type, l.duration_seconds, l.is_preview, l.completion_kind, v.course_id FROM version_lectures l "
            "JOIN course_versions v ON v.tenant_id = l.tenant_id AND v.id = l.version_id WHERE l.tenant_id = $1 AND l.version_id = ANY($2) ORDER BY l.position",
            "version_id",
        )
        self.course = self._one("SELECT * FROM courses WHERE tenant_id = $1 AND id = ANY($2) AND status = 'PUBLISHED'", "id")
        self.has_run = self._one(
            "SELECT DISTINCT course_id FROM enrollments WHERE tenant_id = $1 AND course_id = ANY($2) AND account_id = current_setting('app.account')::uuid", "course_id"
        )
        self.live_grants = self._many(
            "SELECT account_id, subject_id FROM entitlements WHERE tenant_id = $1 AND account_id = ANY($2) AND starts_at <= now() AND (ends_at IS NULL OR ends_at > now()) "
            "AND (revoked_at IS NULL OR revoked_at > now()) AND (state = 'ACTIVE' OR (state = 'PAST_DUE' AND grace_until > now()))",
            "account_id",
        )
        self.seen = self._many(
            "SELECT enrollment_id, lecture_id, covered_ms, last_position_ms, completed_at FROM lecture_progress WHERE tenant_id = $1 AND enrollment_id = ANY($2)", "enrollment_id"
        )

    def _one(self, sql: str, key: str) -> DataLoader[UUID, Any]:
        async def load(keys: list[UUID]) -> list[Any]:
            found = {row[key]: row for row in await self._reads.fetch(sql, self._asker.tenant_id, keys)}
            return [found.get(id) for id in keys]

        return DataLoader(load_fn=load)

    def _many(self, sql: str, key: str) -> DataLoader[UUID, list[Any]]:
        async def load(keys: list[UUID]) -> list[list[Any]]:
            found = defaultdict(list)
            for row in await self._reads.fetch(sql, self._asker.tenant_id, keys):
                found[row[key]].append(row)
            return [found[id] for id in keys]

        return DataLoader(load_fn=load)


class Context:
    """Who asks, and the request's reads and loaders."""

    def __init__(self, asker: Asker, door: Door, cursors: Cursors) -> None:
        self.asker = asker
        self.door = door
        self.cursors = cursors
        self.reads: Any = None
        self.loaders: Any = None

    def file_url(self, id: UUID | None) -> str | None:
        return f"{self.asker.base_url}/files/{public_id('fil', id)}" if id else None


Info = strawberry.Info[Context, None]
