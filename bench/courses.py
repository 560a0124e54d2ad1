"""The rows of the school's courses: the same texts and structure each time, in a few statements as the owner."""

# `id` and `pick` give the same for the same words: every run of the bench reads the same texts in the same places. Ids look like UUIDv7, one a second.
TOOLS = """
    CREATE FUNCTION pg_temp.number(words text) RETURNS integer LANGUAGE sql IMMUTABLE AS $$ SELECT ('x' || substr(md5(words), 1, 7))::bit(28)::integer $$;
    CREATE FUNCTION pg_temp.pick(choices text[], words text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
        SELECT choices[1 + pg_temp.number(words) % cardinality(choices)]
    $$;
    CREATE FUNCTION pg_temp.id(kind text, n bigint) RETURNS uuid LANGUAGE sql IMMUTABLE AS $$
        SELECT (lpad(to_hex(1735689600000 + n * 1000), 12, '0') || '7' || substr(md5(kind || n), 1, 3) || '8' || substr(md5(kind || n), 4, 15))::uuid
    $$;
    CREATE FUNCTION pg_temp.tenant() RETURNS uuid LANGUAGE sql STABLE AS $$ SELECT current_setting('bench.tenant')::uuid $$;
    CREATE FUNCTION pg_temp.courses() RETURNS integer LANGUAGE sql STABLE AS $$ SELECT current_setting('bench.courses')::integer $$;
    CREATE FUNCTION pg_temp.learners() RETURNS SETOF integer LANGUAGE sql STABLE AS $$
        SELECT generate_series(current_setting('bench.first')::integer, current_setting('bench.last')::integer)
    $$;
    CREATE FUNCTION pg_temp.teachers() RETURNS integer LANGUAGE sql IMMUTABLE AS $$ SELECT 60 $$;
    -- They came one by one, among a hundred thousand learners.
    CREATE FUNCTION pg_temp.teacher(n integer) RETURNS uuid LANGUAGE sql IMMUTABLE AS $$ SELECT pg_temp.id('account', n * 1600) $$;
    CREATE FUNCTION pg_temp.subject(n bigint) RETURNS text LANGUAGE sql IMMUTABLE AS $$
        SELECT pg_temp.pick('{bookkeeping,typography,bread baking,data modeling,statistics,watercolor,carpentry,public speaking,photography,harmony,gardening,bicycle repair,
            grant writing,negotiation,project planning,interface design,beekeeping,welding,editing,first aid,soil science,color theory,SQL,sewing,choir leading}', 'subject' || n)
    $$;
    CREATE FUNCTION pg_temp.sentence(words text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
        SELECT pg_temp.pick(ARRAY[
            'You begin with a small piece of work and finish it on the first day.', 'Each section ends with something that you can show to somebody else.',
            'The examples come from workshops that have run for many years.', 'Nothing is asked that was not shown before.',
            'We look at what usually goes wrong, and why it goes wrong there.', 'There is time to repeat: the exercises grow in small steps.',
            'The tools are few, and those that most people have at home will do.', 'Where opinions differ, you hear both and try both.',
            'At the end you plan a project of your own, and get an answer to it.', 'Theory comes after practice, when it explains what your hands know.'], words)
    $$;
"""

ROWS = (
    """
    INSERT INTO accounts (tenant_id, id, email, email_key, name, status, created_at)
    SELECT pg_temp.tenant(), pg_temp.teacher(n), 'teacher' || n || '@example.com', 'teacher' || n || '@example.com',
           pg_temp.pick('{Ada,Bela,Chiara,Dmitri,Esra,Femi,Greta,Hana,Ines,Jonas,Kofi,Lene}', 'first' || n) || ' '
           || pg_temp.pick('{Almeida,Brandt,Czerny,Dahl,Eze,Fontaine,Grimaldi,Holm,Ivanova,Jansen,Keller,Lindqvist,Moreau}', 'last' || n), 'ACTIVE', now()
    FROM generate_series(1, pg_temp.teachers()) AS n
    """,
    """
    INSERT INTO instructors (tenant_id, id, slug, headline, bio_markdown, bio_html, created_at)
    SELECT tenant_id, id, 'teacher-' || row_number() OVER (ORDER BY id), 'Teaches ' || pg_temp.subject(row_number() OVER (ORDER BY id)),
           pg_temp.sentence('bio' || id) || ' ' || pg_temp.sentence('more' || id), '<p>' || pg_temp.sentence('bio' || id) || ' ' || pg_temp.sentence('more' || id) || '</p>' || chr(10), now()
    FROM accounts WHERE tenant_id = pg_temp.tenant() AND email LIKE 'teacher%'
    """,
    """
    INSERT INTO categories (tenant_id, id, slug, name, position)
    SELECT pg_temp.tenant(), pg_temp.id('category', n), lower(name), name, n
    FROM unnest('{Crafts,Music,Business,Science,Languages,Design,Cooking,Garden,Health,Computing,Writing,Movement}'::text[]) WITH ORDINALITY AS each(name, n)
    """,
    """
    INSERT INTO files (tenant_id, id, object_key, content_type, size_bytes, sha256, is_public, created_at)
    SELECT pg_temp.tenant(), pg_temp.id('file', n), 'covers/' || n, 'image/webp', 40000, repeat('0', 64), true, now() FROM generate_series(1, pg_temp.courses()) AS n
    """,
    """
    INSERT INTO courses (tenant_id, id, slug, status, enrollment_policy, category_id, is_featured, first_published_at, created_at, updated_at, enrollment_count, title,
        short_description, cover_file_id, tags, level, language, lecture_count, duration_seconds)
    SELECT pg_temp.tenant(), pg_temp.id('course', n), 'course-' || n, 'DRAFT', CASE WHEN n % 5 = 0 THEN 'OPEN' ELSE 'BY_GRANT' END,
        pg_temp.id('category', 1 + pg_temp.number('shelf' || n) % 12), n % 40 = 0, NULL, now(), date_trunc('second', now()), 0,
        pg_temp.pick('{Practical,Everyday,Patient,Modern,Honest,Hands-on,Complete,First steps in,A year of,Understanding}', 'kind' || n) || ' ' || pg_temp.subject(n) || ', part ' || n,
        pg_temp.sentence('short' || n), pg_temp.id('file', n), ARRAY[pg_temp.subject(n), pg_temp.pick('{evenings,weekend,studio,online,certificate}', 'tag' || n)],
        pg_temp.pick('{BEGINNER,INTERMEDIATE,ADVANCED,ALL_LEVELS}', 'level' || n), pg_temp.pick('{en,en,en,de,fr,es}', 'language' || n), 0, 0
    FROM generate_series(1, pg_temp.courses()) AS n
    """,
    """
    INSERT INTO course_instructors (tenant_id, id, course_id, account_id, role, position)
    SELECT pg_temp.tenant(), pg_temp.id('part', n * 2 + place), pg_temp.id('course', n), pg_temp.teacher(1 + (n * 7 + place * 13) % pg_temp.teachers()),
        CASE place WHEN 0 THEN 'LEAD' ELSE 'ASSISTANT' END, place
    FROM generate_series(1, pg_temp.courses()) AS n, generate_series(0, 1) AS place
    """,
    """
    INSERT INTO course_versions (tenant_id, id, course_id, title, short_description, description_markdown, description_html, outcomes, requirements, tags, level, language,
        cover_file_id, lecture_count, duration_seconds, created_at)
    SELECT c.tenant_id, pg_temp.id('version', n), c.id, c.title, c.short_description, texts.markdown, texts.html,
        ARRAY(SELECT pg_temp.sentence('outcome' || n || k) FROM generate_series(1, 5) AS k), ARRAY(SELECT pg_temp.sentence('need' || n || k) FROM generate_series(1, 3) AS k),
        c.tags, c.level, c.language, c.cover_file_id, 0, 0, now()
    FROM generate_series(1, pg_temp.courses()) AS n JOIN courses c ON c.tenant_id = pg_temp.tenant() AND c.id = pg_temp.id('course', n),
    LATERAL (
        SELECT string_agg(paragraph, chr(10) || chr(10) ORDER BY p) AS markdown, string_agg('<p>' || paragraph || '</p>' || chr(10), '' ORDER BY p) AS html
        FROM (SELECT p, string_agg(pg_temp.sentence('d' || n || p || s), ' ') AS paragraph FROM generate_series(1, 4) AS p, generate_series(1, 5) AS s GROUP BY p) AS one
    ) AS texts
    """,
    # 5 to 7 sections of 6 to 9 lectures.
    """
    CREATE TEMPORARY TABLE outline ON COMMIT DROP AS
    SELECT n, s, l, n * 10 + s AS section, (n * 10 + s) * 10 + l AS lecture, (row_number() OVER (PARTITION BY n ORDER BY s, l) - 1)::integer AS position,
        180 + pg_temp.number('seconds' || n || s || l) % 1200 AS seconds, (s = 1 AND l = 1) OR pg_temp.number('preview' || n || s || l) % 12 = 0 AS is_preview, l % 2 = 0 AS is_video
    FROM generate_series(1, pg_temp.courses()) AS n, generate_series(1, 7) AS s, generate_series(1, 9) AS l
    WHERE s <= 5 + n % 3 AND l <= 6 + (n + s) % 4
    """,
    "INSERT INTO sections (tenant_id, id, course_id, key) SELECT DISTINCT pg_temp.tenant(), pg_temp.id('section', section), pg_temp.id('course', n), 's' || s FROM outline",
    "INSERT INTO lectures (tenant_id, id, course_id, key) SELECT pg_temp.tenant(), pg_temp.id('lecture', lecture), pg_temp.id('course', n), 's' || s || 'l' || l FROM outline",
    """
    INSERT INTO files (tenant_id, id, object_key, content_type, size_bytes, sha256, is_public, created_at)
    SELECT pg_temp.tenant(), pg_temp.id('film', lecture), 'films/' || lecture, 'video/mp4', 40000000, repeat('0', 64), false, now() FROM outline WHERE is_video
    """,
    """
    INSERT INTO videos (tenant_id, id, file_id, status, duration_ms, chapters, captions, created_at)
    SELECT pg_temp.tenant(), pg_temp.id('video', lecture), pg_temp.id('film', lecture), 'READY', seconds * 1000, '[]', '[]', now() FROM outline WHERE is_video
    """,
    """
    INSERT INTO lecture_contents (tenant_id, id, lecture_id, content_type, markdown, html, video_id, created_at)
    SELECT pg_temp.tenant(), pg_temp.id('content', lecture), pg_temp.id('lecture', lecture), 'TEXT', pg_temp.sentence('text' || lecture),
        '<p>' || pg_temp.sentence('text' || lecture) || '</p>', NULL, now() FROM outline WHERE NOT is_video
    UNION ALL SELECT pg_temp.tenant(), pg_temp.id('content', lecture), pg_temp.id('lecture', lecture), 'VIDEO', NULL, NULL, pg_temp.id('video', lecture), now() FROM outline WHERE is_video
    """,
    """
    INSERT INTO version_sections (tenant_id, id, version_id, section_id, title, position)
    SELECT DISTINCT pg_temp.tenant(), pg_temp.id('vsection', section), pg_temp.id('version', n), pg_temp.id('section', section),
        pg_temp.pick('{Beginning,Materials,First practice,The rules,Common mistakes,Longer pieces,Your own project}', 'section' || section), s FROM outline
    """,
    """
    INSERT INTO version_lectures (tenant_id, id, version_id, section_id, lecture_id, content_id, title, content_type, position, duration_seconds, is_preview, is_required, completion_kind, completion_target)
    SELECT pg_temp.tenant(), pg_temp.id('vlecture', lecture), pg_temp.id('version', n), pg_temp.id('section', section), pg_temp.id('lecture', lecture), pg_temp.id('content', lecture),
        pg_temp.pick('{Looking closely,A first try,What the masters do,Measuring,Choosing,Repeating,Putting together,Taking apart,Questions}', 'lecture' || lecture) || ' ' || l,
        CASE WHEN is_video THEN 'VIDEO' ELSE 'TEXT' END, position, seconds, is_preview, true, CASE WHEN is_video THEN 'WATCHED' ELSE 'OPENED' END,
        CASE WHEN is_video THEN 90 END FROM outline
    """,
    """
    UPDATE course_versions v SET number = 1, published_at = timestamptz '2026-01-01 00:00:00Z' + n * interval '1 hour', lecture_count = sums.lectures, duration_seconds = sums.seconds
    FROM (SELECT n, count(*) AS lectures, sum(seconds) AS seconds FROM outline GROUP BY n) AS sums WHERE v.tenant_id = pg_temp.tenant() AND v.id = pg_temp.id('version', n)
    """,
    """
    UPDATE courses c SET status = 'PUBLISHED', published_version_id = v.id, first_published_at = v.published_at, lecture_count = v.lecture_count, duration_seconds = v.duration_seconds
    FROM course_versions v WHERE v.tenant_id = pg_temp.tenant() AND c.tenant_id = v.tenant_id AND v.course_id = c.id
    """,
)
