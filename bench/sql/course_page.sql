-- `CoursePage` for somebody signed in who has no run of the course. $1 tenant, $2 account, $3 slug, $4 base URL. Gives the JSON of `data`, and how many runs the viewer has.
SELECT r.runs, json_build_object('course', CASE WHEN c.id IS NOT NULL THEN json_build_object(
    'id', p.id, 'slug', c.slug, 'title', c.title, 'shortDescription', c.short_description,
    'thumbnailUrl', $4::text || '/files/' || bench.public_id('fil', c.cover_file_id),
    'category', (SELECT json_build_object('slug', g.slug, 'name', g.name) FROM categories g WHERE g.tenant_id = $1 AND g.id = c.category_id),
    'tags', c.tags, 'level', c.level, 'language', c.language, 'isFeatured', c.is_featured, 'enrollmentCount', c.enrollment_count, 'lectureCount', c.lecture_count,
    'durationSeconds', c.duration_seconds,
    'instructors', (
        SELECT coalesce(json_agg(json_build_object('role', i.role, 'instructor', json_build_object(
            'id', bench.public_id('ins', t.id), 'slug', t.slug, 'name', a.name, 'avatarUrl', $4::text || '/files/' || bench.public_id('fil', a.avatar_file_id),
            'bio', json_build_object('html', t.bio_html), 'courseCount', sums.courses, 'studentCount', sums.students)) ORDER BY i.position), '[]')
        FROM course_instructors i JOIN instructors t ON t.tenant_id = $1 AND t.id = i.account_id JOIN accounts a ON a.tenant_id = $1 AND a.id = t.id AND a.status <> 'ERASED',
        LATERAL (
            SELECT count(*) AS courses, coalesce(sum(o.enrollment_count), 0) AS students FROM course_instructors oi JOIN courses o ON o.tenant_id = $1 AND o.id = oi.course_id
            WHERE oi.tenant_id = $1 AND oi.account_id = i.account_id AND o.status = 'PUBLISHED'
        ) AS sums
        WHERE i.tenant_id = $1 AND i.course_id = c.id
    ),
    'description', json_build_object('markdown', v.description_markdown, 'html', v.description_html), 'outcomes', v.outcomes, 'requirements', v.requirements,
    'updatedAt', to_char(c.updated_at, 'YYYY-MM-DD"T"HH24:MI:SS+00:00'),
    'version', json_build_object('id', bench.public_id('ver', v.id), 'number', v.number, 'publishedAt', to_char(v.published_at, 'YYYY-MM-DD"T"HH24:MI:SS+00:00')),
    'sections', (
        SELECT coalesce(json_agg(json_build_object('id', bench.public_id('sec', s.section_id), 'title', s.title, 'lectures', coalesce(l.lectures, '[]')) ORDER BY s.position), '[]')
        FROM version_sections s LEFT JOIN (
            SELECT l.section_id, json_agg(json_build_object(
                'id', bench.public_id('lec', l.lecture_id), 'title', l.title, 'contentType', l.content_type, 'durationSeconds', l.duration_seconds, 'isPreview', l.is_preview,
                'access', CASE WHEN l.is_preview
                    THEN '{"__typename": "AccessGranted", "allowed": true, "sources": [{"kind": "PREVIEW", "endsAt": null}], "until": null}'::json ELSE closed.access END
                ) ORDER BY l.position) AS lectures
            FROM version_lectures l WHERE l.tenant_id = $1 AND l.version_id = c.published_version_id GROUP BY l.section_id
        ) AS l ON l.section_id = s.section_id
        WHERE s.tenant_id = $1 AND s.version_id = c.published_version_id
    ),
    'access', closed.access, 'viewerEnrollment', NULL
) END)::text AS data
FROM (SELECT 1) AS one
LEFT JOIN courses c ON c.tenant_id = $1 AND c.slug = $3 AND c.status = 'PUBLISHED'
LEFT JOIN course_versions v ON v.tenant_id = $1 AND v.id = c.published_version_id,
LATERAL (SELECT count(*) AS runs FROM enrollments e WHERE e.tenant_id = $1 AND e.account_id = $2 AND e.course_id = c.id) AS r,
LATERAL (SELECT bench.public_id('crs', c.id) AS id OFFSET 0) AS p,
LATERAL (SELECT json_build_object('__typename', 'NotEnrolled', 'allowed', false, 'course', json_build_object('id', p.id, 'slug', c.slug)) AS access OFFSET 0) AS closed
