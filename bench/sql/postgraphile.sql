-- What PostGraphile's documentation has its users add in the database: how sections lead to their lectures, sums as computed columns, and the facets as a function.
COMMENT ON TABLE version_lectures IS E'@foreignKey (tenant_id, version_id, section_id) references version_sections (tenant_id, version_id, section_id)|@foreignFieldName lectures';
CREATE FUNCTION instructors_course_count(teacher instructors) RETURNS integer LANGUAGE sql STABLE AS $$
    SELECT count(*)::integer FROM course_instructors i JOIN courses c ON c.tenant_id = i.tenant_id AND c.id = i.course_id
    WHERE i.tenant_id = teacher.tenant_id AND i.account_id = teacher.id AND c.status = 'PUBLISHED'
$$;
CREATE FUNCTION instructors_student_count(teacher instructors) RETURNS integer LANGUAGE sql STABLE AS $$
    SELECT coalesce(sum(c.enrollment_count), 0)::integer FROM course_instructors i JOIN courses c ON c.tenant_id = i.tenant_id AND c.id = i.course_id
    WHERE i.tenant_id = teacher.tenant_id AND i.account_id = teacher.id AND c.status = 'PUBLISHED'
$$;
CREATE FUNCTION catalog_facets(tenant uuid) RETURNS TABLE (facet text, value text, label text, amount integer) LANGUAGE sql STABLE AS $$
    SELECT CASE WHEN grouping(category) = 0 THEN 'category' WHEN grouping(level) = 0 THEN 'level' ELSE 'duration' END, coalesce(category, level, duration), label, count(*)::integer
    FROM (
        SELECT g.slug AS category, g.name AS label, c.level, CASE WHEN c.duration_seconds < 3600 THEN 'UNDER_1_HOUR' WHEN c.duration_seconds < 10800 THEN '1_TO_3_HOURS'
            WHEN c.duration_seconds < 36000 THEN '3_TO_10_HOURS' ELSE 'OVER_10_HOURS' END AS duration
        FROM courses c LEFT JOIN categories g ON g.tenant_id = c.tenant_id AND g.id = c.category_id WHERE c.tenant_id = tenant AND c.status = 'PUBLISHED'
    ) AS matched
    GROUP BY GROUPING SETS ((category, label), (level), (duration))
    ORDER BY 1, count(*) DESC, 2
$$;
