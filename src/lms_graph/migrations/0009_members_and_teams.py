"""Members as administrators find them, those who apply to teach, and the rights over single courses."""

from tortoise import migrations
from tortoise.migrations import operations as ops
from lms_graph.kit.ids import new_id
from lms_graph.models.base import TextArrayField
from lms_graph.models.catalog import CourseTeamRole
from lms_graph.models.ddl import check, one_of, reference, tenant_table
from lms_graph.models.identity import ApplicationStatus, Role
from tortoise import fields

_SEARCH = """
    CREATE FUNCTION member_search_text(name text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
        SELECT ' ' || regexp_replace(lower(public.unaccent('public.unaccent', name)), '[^[:alnum:]]+', ' ', 'g')
    $$;
    ALTER TABLE accounts ADD COLUMN search_name text GENERATED ALWAYS AS (member_search_text(name)) STORED;
    CREATE INDEX accounts_search_name ON accounts USING gin (tenant_id, search_name gin_trgm_ops) WITH (fastupdate = off); -- people are searched more than they come
    CREATE INDEX accounts_search_address ON accounts (tenant_id, email_key text_pattern_ops);

    -- Row policies keep LIKE from using an index, because it is not leakproof. This function is trusted instead: it runs as the owner, and its first predicate is
    -- the present tenant. Every word asked for begins a word of the name; or the address begins with what is given as one, null for those who may not see addresses.
    CREATE FUNCTION search_members(asked text, address text) RETURNS TABLE (account_id uuid)
    LANGUAGE plpgsql STABLE SECURITY DEFINER ROWS 50
    SET search_path = public, pg_temp SET plan_cache_mode = force_custom_plan SET enable_seqscan = off AS $$
    DECLARE
        tenant uuid := nullif(current_setting('app.tenant', true), '')::uuid;
        words text[] := ARRAY(SELECT DISTINCT word FROM regexp_split_to_table(lower(unaccent('unaccent', asked)), '[^[:alnum:]]+') AS word WHERE word <> '' LIMIT 12);
        longest text := (SELECT '% ' || word || '%' FROM unnest(words) AS word ORDER BY length(word) DESC, word LIMIT 1);
        others text[] := ARRAY(SELECT '% ' || word || '%' FROM unnest(words) AS word);
        beginning text := regexp_replace(address, '([\\\\%_])', '\\\\\\1', 'g') || '%';
    BEGIN
        RETURN QUERY
        SELECT a.id FROM accounts a WHERE a.tenant_id = tenant AND a.search_name LIKE longest AND a.search_name LIKE ALL (others)
        UNION
        SELECT a.id FROM accounts a WHERE a.tenant_id = tenant AND a.email_key LIKE beginning;
    END $$;
    REVOKE ALL ON FUNCTION search_members(text, text) FROM PUBLIC;
    GRANT EXECUTE ON FUNCTION search_members(text, text) TO lms_app;

    CREATE INDEX accounts_by_age ON accounts (tenant_id, created_at, id);
    CREATE INDEX accounts_by_name ON accounts (tenant_id, (lower(name)), id);
    CREATE INDEX account_roles_role ON account_roles (tenant_id, role, account_id);
"""

# Who answers for a course created it, as far as anybody knows; one of them, for there is one creator.
_TEAMS = """
    INSERT INTO course_team (tenant_id, id, course_id, account_id, role, added_at)
    SELECT i.tenant_id, gen_random_uuid(), i.course_id, i.account_id,
        CASE WHEN i.role = 'LEAD' AND row_number() OVER (PARTITION BY i.tenant_id, i.course_id ORDER BY i.role <> 'LEAD', i.position, i.id) = 1 THEN 'CREATOR' ELSE 'EDITOR' END, now()
    FROM course_instructors i;
"""


class Migration(migrations.Migration):
    dependencies = [('models', '0008_keys')]

    initial = False

    operations = [
        ops.CreateModel(
            name='CourseTeamMember',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('tenant_id', fields.UUIDField()),
                ('course_id', fields.UUIDField()),
                ('account_id', fields.UUIDField()),
                ('role', fields.CharEnumField(description='CREATOR: CREATOR\nEDITOR: EDITOR\nGRADER: GRADER', enum_type=CourseTeamRole, max_length=16)),
                ('added_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'course_team', 'app': 'models', 'unique_together': (('tenant_id', 'course_id', 'account_id'),), 'pk_attr': 'id', 'table_description': 'Who may do what with a course. Who teaches it, for everybody to see, is a `CourseInstructor`: mostly the same people, and other rights. At most one is the creator.'},
            bases=['TenantRow'],
        ),
        ops.CreateModel(
            name='InstructorApplication',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('tenant_id', fields.UUIDField()),
                ('account_id', fields.UUIDField()),
                ('motivation', fields.TextField(unique=False)),
                ('links', TextArrayField(default=list, generated=False, null=False, unique=False)),
                ('slug', fields.CharField(null=True, max_length=80)),
                ('headline', fields.CharField(null=True, max_length=200)),
                ('bio_markdown', fields.TextField(default='', unique=False)),
                ('status', fields.CharEnumField(default=ApplicationStatus.PENDING, description='PENDING: PENDING\nAPPROVED: APPROVED\nREFUSED: REFUSED\nWITHDRAWN: WITHDRAWN', enum_type=ApplicationStatus, max_length=16)),
                ('reason', fields.CharField(null=True, max_length=2000)),
                ('decided_by', fields.UUIDField(null=True)),
                ('applied_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('decided_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'instructor_applications', 'app': 'models', 'pk_attr': 'id', 'table_description': "Somebody's wish to teach, and what became of it; at most one of an account is pending. `slug`, `headline` and `bio_markdown` are what their page is to say."},
            bases=['TenantRow'],
        ),
        ops.AddField(
            model_name='Account',
            name='suspended_at',
            field=fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
        ),
        ops.AddField(
            model_name='Account',
            name='suspension_reason',
            field=fields.CharField(null=True, max_length=1000),
        ),
        ops.AlterField(
            model_name='AccountRole',
            name='role',
            field=fields.CharEnumField(description='PLATFORM_ADMIN: PLATFORM_ADMIN\nTENANT_ADMIN: TENANT_ADMIN\nINSTRUCTOR: INSTRUCTOR\nAPPLICANT: APPLICANT\nSUPPORT: SUPPORT\nSTUDENT: STUDENT', enum_type=Role, max_length=32),
        ),
        ops.RunSQL(
            tenant_table("instructor_applications")
            + tenant_table("course_team")
            + "ALTER TABLE account_roles DROP CONSTRAINT account_roles_role_check;"
            + one_of("account_roles", "role", "PLATFORM_ADMIN", "TENANT_ADMIN", "INSTRUCTOR", "APPLICANT", "SUPPORT", "STUDENT")
            + one_of("instructor_applications", "status", "PENDING", "APPROVED", "REFUSED", "WITHDRAWN")
            + one_of("course_team", "role", "CREATOR", "EDITOR", "GRADER")
            + check("instructor_applications", "links", "cardinality(links) <= 10")
            + check("instructor_applications", "decided", "(status = 'PENDING') = (decided_at IS NULL) AND (status <> 'REFUSED' OR reason IS NOT NULL)")
            + reference("instructor_applications", "account_id", "accounts")
            + reference("instructor_applications", "decided_by", "accounts")
            + reference("course_team", "course_id", "courses", index=False)
            + reference("course_team", "account_id", "accounts")
            + "CREATE UNIQUE INDEX instructor_applications_pending ON instructor_applications (tenant_id, account_id) WHERE status = 'PENDING';"
            + "CREATE INDEX instructor_applications_page ON instructor_applications (tenant_id, applied_at, id);"
            + "CREATE INDEX instructor_applications_by_status ON instructor_applications (tenant_id, status, applied_at, id);"
            + "CREATE UNIQUE INDEX course_team_creator ON course_team (tenant_id, course_id) WHERE role = 'CREATOR';"
            + _SEARCH
            + _TEAMS
        ),
    ]
