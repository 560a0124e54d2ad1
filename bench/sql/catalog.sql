-- `Catalog` without search, filter or cursor. $1 tenant, $2 base URL, $3 how many, $4 and $5 the two pads of the cursors' key (HMAC). Gives the JSON of `data`.
WITH page AS (
    SELECT c.*, row_number() OVER (ORDER BY c.first_published_at DESC, c.id DESC) AS place FROM courses c WHERE c.tenant_id = $1 AND c.status = 'PUBLISHED'
    ORDER BY c.first_published_at DESC, c.id DESC LIMIT $3::integer + 1
), cards AS MATERIALIZED (
    SELECT c.place, p.id, translate(encode(substr(sha256($5 || sha256($4 || b.list || b.body)), 1, 12) || b.body, 'base64'), E'+/=\n', '-_') AS cursor, json_build_object(
        'id', p.id, 'slug', c.slug, 'title', c.title, 'shortDescription', c.short_description,
        'thumbnailUrl', $2::text || '/files/' || bench.public_id('fil', c.cover_file_id),
        'category', (SELECT json_build_object('slug', g.slug, 'name', g.name) FROM categories g WHERE g.tenant_id = $1 AND g.id = c.category_id),
        'tags', c.tags, 'level', c.level, 'language', c.language, 'isFeatured', c.is_featured, 'enrollmentCount', c.enrollment_count, 'lectureCount', c.lecture_count,
        'durationSeconds', c.duration_seconds,
        'instructors', (
            SELECT coalesce(json_agg(json_build_object('role', i.role, 'instructor', json_build_object(
                'id', bench.public_id('ins', t.id), 'slug', t.slug, 'name', a.name, 'avatarUrl', $2::text || '/files/' || bench.public_id('fil', a.avatar_file_id)
                )) ORDER BY i.position), '[]')
            FROM course_instructors i JOIN instructors t ON t.tenant_id = $1 AND t.id = i.account_id JOIN accounts a ON a.tenant_id = $1 AND a.id = t.id AND a.status <> 'ERASED'
            WHERE i.tenant_id = $1 AND i.course_id = c.id
        )) AS card
    FROM page c,
    LATERAL (SELECT bench.public_id('crs', c.id) AS id OFFSET 0) AS p,
    LATERAL (SELECT convert_to('["' || to_char(c.first_published_at, 'YYYY-MM-DD"T"HH24:MI:SS+00:00') || '","' || c.id || '"]', 'UTF8') AS body, convert_to('courses,' || $1::text || ',PUBLISHED_AT-,ID-', 'UTF8') || '\x00'::bytea AS list) AS b
    WHERE c.place <= $3
), counted AS (
    SELECT grouping(category) AS no_category, grouping(level) AS no_level, grouping(duration) AS no_duration, category, label, level, duration, count(*) AS count
    FROM (
        SELECT g.slug AS category, g.name AS label, c.level, CASE WHEN c.duration_seconds < 3600 THEN 'UNDER_1_HOUR' WHEN c.duration_seconds < 10800 THEN '1_TO_3_HOURS'
            WHEN c.duration_seconds < 36000 THEN '3_TO_10_HOURS' ELSE 'OVER_10_HOURS' END AS duration
        FROM courses c LEFT JOIN categories g ON g.tenant_id = c.tenant_id AND g.id = c.category_id WHERE c.tenant_id = $1 AND c.status = 'PUBLISHED'
    ) AS matched
    GROUP BY GROUPING SETS ((category, label), (level), (duration), ())
), facets AS (
    SELECT max(count) FILTER (WHERE no_category = 1 AND no_level = 1 AND no_duration = 1) AS total,
        json_build_object(
            'category', coalesce(json_agg(json_build_object('value', category, 'label', label, 'count', count) ORDER BY count DESC, category) FILTER (WHERE no_category = 0 AND category IS NOT NULL), '[]'),
            'level', coalesce(json_agg(json_build_object('value', level, 'count', count) ORDER BY count DESC, level) FILTER (WHERE no_level = 0), '[]'),
            'duration', coalesce(json_agg(json_build_object('value', duration, 'count', count) ORDER BY count DESC, duration) FILTER (WHERE no_duration = 0), '[]')
        ) AS facets
    FROM counted
)
SELECT json_build_object('courses', json_build_object(
    'totalCount', f.total, 'facets', f.facets, 'edges', listed.edges, 'nodes', listed.nodes,
    'pageInfo', json_build_object('hasNextPage', (SELECT count(*) FROM page) > $3, 'hasPreviousPage', false, 'startCursor', listed.first, 'endCursor', listed.last)
))::text AS data
FROM facets f, (
    SELECT coalesce(json_agg(json_build_object('cursor', cursor, 'node', card) ORDER BY place), '[]') AS edges, coalesce(json_agg(json_build_object('id', id) ORDER BY place), '[]') AS nodes,
        max(cursor) FILTER (WHERE place = 1) AS first, (array_agg(cursor ORDER BY place DESC))[1] AS last
    FROM cards
) AS listed
