-- `Learn`: a learner's own run, while a grant opens its course. $1 tenant, $2 account, $3 run, $4 the present. Gives the JSON of `data`, and whether such a grant lives.
SELECT g.is_open, json_build_object('enrollment', json_build_object(
    'id', bench.public_id('enr', e.id), 'status', e.status, 'runNumber', e.run_number, 'progressPercent', e.progress_percent,
    'enrolledAt', to_char(e.enrolled_at, 'YYYY-MM-DD"T"HH24:MI:SS+00:00'), 'completedAt', to_char(e.completed_at, 'YYYY-MM-DD"T"HH24:MI:SS+00:00'),
    'version', json_build_object('id', bench.public_id('ver', v.id), 'number', v.number),
    'resume', (
        SELECT json_build_object('lecture', json_build_object('id', bench.public_id('lec', l.lecture_id), 'title', l.title), 'positionSeconds', e.resume_position_ms / 1000.0::float8)
        FROM version_lectures l WHERE l.tenant_id = $1 AND l.version_id = e.version_id AND l.lecture_id = e.resume_lecture_id
    ),
    'course', json_build_object('id', bench.public_id('crs', c.id), 'title', c.title),
    'sections', (
        SELECT coalesce(json_agg(json_build_object('id', bench.public_id('sec', s.section_id), 'title', s.title, 'lectures', coalesce(l.lectures, '[]')) ORDER BY s.position), '[]')
        FROM version_sections s LEFT JOIN (
            SELECT l.section_id, json_agg(json_build_object(
                'id', bench.public_id('lec', l.lecture_id), 'title', l.title, 'contentType', l.content_type, 'access', '{"__typename": "AccessGranted", "allowed": true}'::json,
                'viewerProgress', json_build_object(
                    'completed', p.completed_at IS NOT NULL, 'lastPositionSeconds', coalesce(p.last_position_ms, 0) / 1000.0::float8,
                    'coveragePercent', CASE WHEN l.duration_seconds > 0 AND l.completion_kind = 'WATCHED' THEN least(100, coalesce(p.covered_ms, 0)::bigint * 100 / (l.duration_seconds * 1000))
                        WHEN p.completed_at IS NOT NULL THEN 100 ELSE 0 END)
                ) ORDER BY l.position) AS lectures
            FROM version_lectures l LEFT JOIN lecture_progress p ON p.tenant_id = $1 AND p.enrollment_id = e.id AND p.lecture_id = l.lecture_id
            WHERE l.tenant_id = $1 AND l.version_id = e.version_id GROUP BY l.section_id
        ) AS l ON l.section_id = s.section_id
        WHERE s.tenant_id = $1 AND s.version_id = e.version_id
    )
))::text AS data
FROM enrollments e
JOIN courses c ON c.tenant_id = $1 AND c.id = e.course_id
JOIN course_versions v ON v.tenant_id = $1 AND v.id = e.version_id,
LATERAL (SELECT EXISTS (
    SELECT FROM entitlements g WHERE g.tenant_id = $1 AND g.account_id = e.account_id AND (g.subject_kind = 'ALL_ACCESS' OR g.subject_id = e.course_id)
    AND g.starts_at <= $4 AND (g.ends_at IS NULL OR g.ends_at > $4) AND (g.revoked_at IS NULL OR g.revoked_at > $4)
    AND (g.state = 'ACTIVE' OR (g.state = 'PAST_DUE' AND g.grace_until > $4))
) AS is_open) AS g
WHERE e.tenant_id = $1 AND e.id = $3 AND e.account_id = $2
