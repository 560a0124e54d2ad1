"""The whole model as it first stood: tables by Tortoise, and below them what it cannot say."""

from tortoise import migrations
from tortoise.migrations import operations as ops
from lms_graph.kit.ids import new_id
from lms_graph.models.assessment import AttemptStatus, QuestionKind, SubmittedBy
from lms_graph.models.base import MultirangeField, TextArrayField
from lms_graph.models.catalog import CompletionKind, ContentType, CourseStatus, EnrollmentPolicy, InstructorRole, Level
from lms_graph.models.certificates import CertificateSubject
from lms_graph.models.identity import AccountStatus, Role, TokenKind
from lms_graph.models.learning import EnrollmentStatus, EntitlementKind, EntitlementState, SubjectKind
from lms_graph.models.media import VideoStatus
from lms_graph.models.outbox import DeliveryState
from lms_graph.models.tasks import JobState
from lms_graph.models.tenancy import DomainStatus, TenantKind
from lms_graph.models.ddl import check, for_system, one_of, reference, tenant_table
from orjson import loads
from tortoise.fields.data import JSON_DUMPS
from tortoise import fields

class Migration(migrations.Migration):
    initial = True

    operations = [
        ops.RunSQL("CREATE EXTENSION IF NOT EXISTS pg_trgm; CREATE EXTENSION IF NOT EXISTS unaccent; CREATE EXTENSION IF NOT EXISTS btree_gin;"),
        ops.CreateModel(
            name='Account',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('tenant_id', fields.UUIDField()),
                ('email', fields.CharField(max_length=254)),
                ('email_key', fields.CharField(max_length=254)),
                ('name', fields.CharField(max_length=200)),
                ('avatar_file_id', fields.UUIDField(null=True)),
                ('password_hash', fields.CharField(null=True, max_length=255)),
                ('email_verified_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ('locale', fields.CharField(null=True, max_length=35)),
                ('status', fields.CharEnumField(default=AccountStatus.ACTIVE, description='ACTIVE: ACTIVE\nSUSPENDED: SUSPENDED\nERASED: ERASED', enum_type=AccountStatus, max_length=16)),
                ('created_at', fields.DatetimeField(auto_now=False, auto_now_add=True)),
            ],
            options={'table': 'accounts', 'app': 'models', 'unique_together': (('tenant_id', 'email_key'),), 'pk_attr': 'id', 'table_description': 'A person in one tenant. The same address in two tenants is two accounts.'},
            bases=['TenantRow'],
        ),
        ops.CreateModel(
            name='AccountRole',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('tenant_id', fields.UUIDField()),
                ('account_id', fields.UUIDField()),
                ('role', fields.CharEnumField(description='PLATFORM_ADMIN: PLATFORM_ADMIN\nTENANT_ADMIN: TENANT_ADMIN\nINSTRUCTOR: INSTRUCTOR\nSUPPORT: SUPPORT\nSTUDENT: STUDENT', enum_type=Role, max_length=32)),
                ('granted_at', fields.DatetimeField(auto_now=False, auto_now_add=True)),
            ],
            options={'table': 'account_roles', 'app': 'models', 'unique_together': (('tenant_id', 'account_id', 'role'),), 'pk_attr': 'id', 'table_description': 'A role that an account holds in the whole tenant.'},
            bases=['TenantRow'],
        ),
        ops.CreateModel(
            name='Aggregate',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('tenant_id', fields.UUIDField()),
                ('last_sequence', fields.IntField()),
            ],
            options={'table': 'aggregates', 'app': 'models', 'pk_attr': 'id', 'table_description': "The last sequence of the facts about one aggregate. `id` is the aggregate's."},
            bases=['TenantRow'],
        ),
        ops.CreateModel(
            name='Attempt',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('tenant_id', fields.UUIDField()),
                ('quiz_id', fields.UUIDField()),
                ('quiz_revision_id', fields.UUIDField()),
                ('account_id', fields.UUIDField()),
                ('subject_id', fields.UUIDField()),
                ('place_id', fields.UUIDField()),
                ('number', fields.IntField()),
                ('status', fields.CharEnumField(default=AttemptStatus.OPEN, description='OPEN: OPEN\nSUBMITTED: SUBMITTED\nGRADED: GRADED', enum_type=AttemptStatus, max_length=16)),
                ('seed', fields.BigIntField()),
                ('snapshot', fields.JSONField(encoder=JSON_DUMPS, decoder=loads)),
                ('started_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('deadline_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ('submitted_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ('submitted_by', fields.CharEnumField(null=True, description='LEARNER: LEARNER\nDEADLINE: DEADLINE', enum_type=SubmittedBy, max_length=16)),
                ('earned_points', fields.DecimalField(null=True, max_digits=10, decimal_places=2)),
                ('possible_points', fields.DecimalField(max_digits=10, decimal_places=2)),
                ('score', fields.DecimalField(null=True, max_digits=5, decimal_places=2)),
                ('passed', fields.BooleanField(null=True)),
                ('graded_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'attempts', 'app': 'models', 'unique_together': (('tenant_id', 'subject_id', 'quiz_id', 'number'),), 'pk_attr': 'id', 'table_description': 'A sitting: sealed at the start with its questions, order and deadline. `subject_id` is what it counts for (a run), `place_id` where it was opened (a lecture).'},
            bases=['TenantRow'],
        ),
        ops.CreateModel(
            name='AttemptAnswer',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('tenant_id', fields.UUIDField()),
                ('attempt_id', fields.UUIDField()),
                ('question_id', fields.UUIDField()),
                ('response', fields.JSONField(null=True, encoder=JSON_DUMPS, decoder=loads)),
                ('saved_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ('earned_points', fields.DecimalField(null=True, max_digits=8, decimal_places=2)),
                ('is_correct', fields.BooleanField(null=True)),
            ],
            options={'table': 'attempt_answers', 'app': 'models', 'unique_together': (('tenant_id', 'attempt_id', 'question_id'),), 'pk_attr': 'id', 'table_description': 'The last saved answer to a question of an attempt, and what it earned once graded.'},
            bases=['TenantRow'],
        ),
        ops.CreateModel(
            name='Category',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('tenant_id', fields.UUIDField()),
                ('slug', fields.CharField(max_length=80)),
                ('name', fields.CharField(max_length=120)),
                ('parent_id', fields.UUIDField(null=True)),
                ('position', fields.IntField(default=0)),
            ],
            options={'table': 'categories', 'app': 'models', 'unique_together': (('tenant_id', 'slug'),), 'pk_attr': 'id'},
            bases=['TenantRow'],
        ),
        ops.CreateModel(
            name='Certificate',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('tenant_id', fields.UUIDField()),
                ('subject_kind', fields.CharEnumField(description='COURSE_RUN: COURSE_RUN', enum_type=CertificateSubject, max_length=16)),
                ('subject_id', fields.UUIDField()),
                ('account_id', fields.UUIDField()),
                ('course_id', fields.UUIDField(null=True)),
                ('code', fields.CharField(max_length=32)),
                ('number', fields.CharField(max_length=32)),
                ('snapshot', fields.JSONField(encoder=JSON_DUMPS, decoder=loads)),
                ('snapshot_sha256', fields.CharField(max_length=64)),
                ('signing_key_id', fields.UUIDField()),
                ('signature', fields.BinaryField()),
                ('open_badge', fields.TextField(unique=False)),
                ('issued_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('expires_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ('revoked_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ('revocation_reason', fields.CharField(null=True, max_length=300)),
                ('superseded_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ('supersedes_id', fields.UUIDField(null=True)),
                ('pdf_file_id', fields.UUIDField(null=True)),
                ('pdf_ready_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'certificates', 'app': 'models', 'unique_together': (('tenant_id', 'number'),), 'pk_attr': 'id', 'table_description': 'One current certificate per subject. `snapshot` is what it says, frozen at issue; `signature` is Ed25519 over its canonical JSON.'},
            bases=['TenantRow'],
        ),
        ops.CreateModel(
            name='Course',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('tenant_id', fields.UUIDField()),
                ('slug', fields.CharField(max_length=80)),
                ('status', fields.CharEnumField(default=CourseStatus.DRAFT, description='DRAFT: DRAFT\nPUBLISHED: PUBLISHED\nUNPUBLISHED: UNPUBLISHED\nARCHIVED: ARCHIVED', enum_type=CourseStatus, max_length=16)),
                ('enrollment_policy', fields.CharEnumField(default=EnrollmentPolicy.BY_GRANT, description='OPEN: OPEN\nBY_GRANT: BY_GRANT', enum_type=EnrollmentPolicy, max_length=16)),
                ('category_id', fields.UUIDField(null=True)),
                ('is_featured', fields.BooleanField(default=False)),
                ('draft_version_id', fields.UUIDField(null=True)),
                ('published_version_id', fields.UUIDField(null=True)),
                ('first_published_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ('created_at', fields.DatetimeField(auto_now=False, auto_now_add=True)),
                ('updated_at', fields.DatetimeField(auto_now=False, auto_now_add=True)),
                ('enrollment_count', fields.IntField(default=0)),
                ('title', fields.CharField(default='', max_length=200)),
                ('short_description', fields.CharField(default='', max_length=300)),
                ('cover_file_id', fields.UUIDField(null=True)),
                ('tags', TextArrayField(default=list, generated=False, null=False, unique=False)),
                ('level', fields.CharEnumField(default=Level.ALL_LEVELS, description='BEGINNER: BEGINNER\nINTERMEDIATE: INTERMEDIATE\nADVANCED: ADVANCED\nALL_LEVELS: ALL_LEVELS', enum_type=Level, max_length=16)),
                ('language', fields.CharField(default='en', max_length=35)),
                ('lecture_count', fields.IntField(default=0)),
                ('duration_seconds', fields.IntField(default=0)),
            ],
            options={'table': 'courses', 'app': 'models', 'unique_together': (('tenant_id', 'slug'),), 'pk_attr': 'id', 'table_description': 'A course. The columns from `title` on are a copy of the latest published version, for lists and search.'},
            bases=['TenantRow'],
        ),
        ops.CreateModel(
            name='CourseInstructor',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('tenant_id', fields.UUIDField()),
                ('course_id', fields.UUIDField()),
                ('account_id', fields.UUIDField()),
                ('role', fields.CharEnumField(description='LEAD: LEAD\nASSISTANT: ASSISTANT', enum_type=InstructorRole, max_length=16)),
                ('position', fields.IntField()),
                ('revenue_share_basis_points', fields.IntField(null=True)),
            ],
            options={'table': 'course_instructors', 'app': 'models', 'unique_together': (('tenant_id', 'course_id', 'account_id'),), 'pk_attr': 'id', 'table_description': 'Who teaches a course, and with which part.'},
            bases=['TenantRow'],
        ),
        ops.CreateModel(
            name='CourseVersion',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('tenant_id', fields.UUIDField()),
                ('course_id', fields.UUIDField()),
                ('number', fields.IntField(null=True)),
                ('published_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ('title', fields.CharField(max_length=200)),
                ('short_description', fields.CharField(max_length=300)),
                ('description_markdown', fields.TextField(default='', unique=False)),
                ('description_html', fields.TextField(default='', unique=False)),
                ('outcomes', TextArrayField(default=list, generated=False, null=False, unique=False)),
                ('requirements', TextArrayField(default=list, generated=False, null=False, unique=False)),
                ('tags', TextArrayField(default=list, generated=False, null=False, unique=False)),
                ('level', fields.CharEnumField(description='BEGINNER: BEGINNER\nINTERMEDIATE: INTERMEDIATE\nADVANCED: ADVANCED\nALL_LEVELS: ALL_LEVELS', enum_type=Level, max_length=16)),
                ('language', fields.CharField(max_length=35)),
                ('cover_file_id', fields.UUIDField(null=True)),
                ('lecture_count', fields.IntField(default=0)),
                ('duration_seconds', fields.IntField(default=0)),
                ('source_sha256', fields.CharField(null=True, max_length=64)),
                ('created_at', fields.DatetimeField(auto_now=False, auto_now_add=True)),
            ],
            options={'table': 'course_versions', 'app': 'models', 'pk_attr': 'id', 'table_description': 'A version of a course. Once `published_at` is set, a trigger refuses every change to it and to the rows below it.'},
            bases=['TenantRow'],
        ),
        ops.CreateModel(
            name='Delivery',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('tenant_id', fields.UUIDField()),
                ('fact_id', fields.UUIDField()),
                ('reaction', fields.CharField(max_length=100)),
                ('state', fields.CharEnumField(default=DeliveryState.PENDING, description='PENDING: PENDING\nSENT: SENT\nDONE: DONE\nBURIED: BURIED', enum_type=DeliveryState, max_length=16)),
                ('attempts', fields.IntField(default=0)),
                ('due_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('done_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ('error', fields.TextField(null=True, unique=False)),
            ],
            options={'table': 'deliveries', 'app': 'models', 'unique_together': (('tenant_id', 'fact_id', 'reaction'),), 'pk_attr': 'id', 'table_description': 'What one reaction owes to one fact: pending → sent → done. `done` commits with the effect.'},
            bases=['TenantRow'],
        ),
        ops.CreateModel(
            name='Domain',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('tenant_id', fields.UUIDField()),
                ('host', fields.CharField(unique=True, max_length=253)),
                ('is_primary', fields.BooleanField(default=False)),
                ('status', fields.CharEnumField(default=DomainStatus.PENDING, description='PENDING: PENDING\nVERIFIED: VERIFIED', enum_type=DomainStatus, max_length=16)),
                ('verification_token', fields.CharField(null=True, max_length=64)),
                ('verified_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ('created_at', fields.DatetimeField(auto_now=False, auto_now_add=True)),
            ],
            options={'table': 'domains', 'app': 'models', 'pk_attr': 'id', 'table_description': 'A host name that selects a tenant, once its DNS proof stands.'},
            bases=['TenantRow'],
        ),
        ops.CreateModel(
            name='Enrollment',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('tenant_id', fields.UUIDField()),
                ('account_id', fields.UUIDField()),
                ('course_id', fields.UUIDField()),
                ('version_id', fields.UUIDField()),
                ('run_number', fields.IntField()),
                ('status', fields.CharEnumField(default=EnrollmentStatus.ACTIVE, description='ACTIVE: ACTIVE\nCOMPLETED: COMPLETED\nCANCELED: CANCELED', enum_type=EnrollmentStatus, max_length=16)),
                ('entitlement_id', fields.UUIDField(null=True)),
                ('progress_percent', fields.IntField(default=0)),
                ('enrolled_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('completed_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ('last_activity_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ('resume_lecture_id', fields.UUIDField(null=True)),
                ('resume_position_ms', fields.IntField(default=0)),
            ],
            options={'table': 'enrollments', 'app': 'models', 'unique_together': (('tenant_id', 'account_id', 'course_id', 'run_number'),), 'pk_attr': 'id', 'table_description': 'A run of a course by a learner, pinned to a version. A finished run never becomes unfinished.'},
            bases=['TenantRow'],
        ),
        ops.CreateModel(
            name='Entitlement',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('tenant_id', fields.UUIDField()),
                ('account_id', fields.UUIDField()),
                ('subject_kind', fields.CharEnumField(description='COURSE: COURSE\nALL_ACCESS: ALL_ACCESS', enum_type=SubjectKind, max_length=16)),
                ('subject_id', fields.UUIDField(null=True)),
                ('kind', fields.CharEnumField(description='ORDER: ORDER\nSUBSCRIPTION: SUBSCRIPTION\nINSTALLMENT_PLAN: INSTALLMENT_PLAN\nBUNDLE: BUNDLE\nSEAT: SEAT\nGIFT: GIFT\nMANUAL: MANUAL\nOPEN: OPEN\nPREVIEW: PREVIEW', enum_type=EntitlementKind, max_length=24)),
                ('source_id', fields.UUIDField(null=True)),
                ('state', fields.CharEnumField(default=EntitlementState.ACTIVE, description='ACTIVE: ACTIVE\nPAST_DUE: PAST_DUE\nPAUSED: PAUSED', enum_type=EntitlementState, max_length=16)),
                ('starts_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('ends_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ('grace_until', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ('terms', fields.JSONField(default=dict, encoder=JSON_DUMPS, decoder=loads)),
                ('revoked_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ('revoked_reason', fields.CharField(null=True, max_length=200)),
                ('created_at', fields.DatetimeField(auto_now=False, auto_now_add=True)),
            ],
            options={'table': 'entitlements', 'app': 'models', 'pk_attr': 'id', 'table_description': 'A grant: what opens, for whom, from where it came, and its window. Access is the union of live grants and is never stored.'},
            bases=['TenantRow'],
        ),
        ops.CreateModel(
            name='Fact',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('tenant_id', fields.UUIDField()),
                ('position', fields.BigIntField(null=True)),
                ('name', fields.CharField(max_length=64)),
                ('version', fields.IntField()),
                ('aggregate_id', fields.UUIDField()),
                ('sequence', fields.IntField()),
                ('payload', fields.JSONField(encoder=JSON_DUMPS, decoder=loads)),
                ('account_id', fields.UUIDField(null=True)),
                ('recorded_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'facts', 'app': 'models', 'unique_together': (('tenant_id', 'aggregate_id', 'sequence'),), 'pk_attr': 'id', 'table_description': 'Something that happened, written in the transaction that made it so. `position` is its place in the feed, given by the relay after commit.'},
            bases=['TenantRow'],
        ),
        ops.CreateModel(
            name='File',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('tenant_id', fields.UUIDField()),
                ('object_key', fields.CharField(max_length=255)),
                ('content_type', fields.CharField(max_length=127)),
                ('size_bytes', fields.BigIntField()),
                ('sha256', fields.CharField(max_length=64)),
                ('is_public', fields.BooleanField(default=False)),
                ('created_at', fields.DatetimeField(auto_now=False, auto_now_add=True)),
            ],
            options={'table': 'files', 'app': 'models', 'unique_together': (('tenant_id', 'object_key'),), 'pk_attr': 'id', 'table_description': 'An object in the store. Public files (covers, logos) are served to anybody who has the address; others only after an access check.'},
            bases=['TenantRow'],
        ),
        ops.CreateModel(
            name='IdempotencyKey',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('tenant_id', fields.UUIDField()),
                ('scope', fields.CharField(max_length=80)),
                ('field', fields.CharField(max_length=64)),
                ('key', fields.CharField(max_length=255)),
                ('body_sha256', fields.CharField(max_length=64)),
                ('outcome', fields.JSONField(null=True, encoder=JSON_DUMPS, decoder=loads)),
                ('created_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'idempotency_keys', 'app': 'models', 'unique_together': (('tenant_id', 'scope', 'field', 'key'),), 'pk_attr': 'id', 'table_description': 'The outcome of a request that carried a key: a repeat answers the same.'},
            bases=['TenantRow'],
        ),
        ops.CreateModel(
            name='Instructor',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('tenant_id', fields.UUIDField()),
                ('slug', fields.CharField(max_length=80)),
                ('headline', fields.CharField(null=True, max_length=200)),
                ('bio_markdown', fields.TextField(default='', unique=False)),
                ('bio_html', fields.TextField(default='', unique=False)),
                ('created_at', fields.DatetimeField(auto_now=False, auto_now_add=True)),
            ],
            options={'table': 'instructors', 'app': 'models', 'unique_together': (('tenant_id', 'slug'),), 'pk_attr': 'id', 'table_description': "The public page of an account that teaches. `id` is the account's."},
            bases=['TenantRow'],
        ),
        ops.CreateModel(
            name='Job',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('tenant_id', fields.UUIDField()),
                ('kind', fields.CharField(max_length=64)),
                ('state', fields.CharEnumField(default=JobState.QUEUED, description='QUEUED: QUEUED\nRUNNING: RUNNING\nSUCCEEDED: SUCCEEDED\nFAILED: FAILED', enum_type=JobState, max_length=16)),
                ('account_id', fields.UUIDField(null=True)),
                ('progress_percent', fields.IntField(default=0)),
                ('result', fields.JSONField(null=True, encoder=JSON_DUMPS, decoder=loads)),
                ('errors', fields.JSONField(default=list, encoder=JSON_DUMPS, decoder=loads)),
                ('created_at', fields.DatetimeField(auto_now=False, auto_now_add=True)),
                ('started_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ('finished_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'jobs', 'app': 'models', 'pk_attr': 'id'},
            bases=['TenantRow'],
        ),
        ops.CreateModel(
            name='Lecture',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('tenant_id', fields.UUIDField()),
                ('course_id', fields.UUIDField()),
                ('key', fields.CharField(max_length=80)),
            ],
            options={'table': 'lectures', 'app': 'models', 'unique_together': (('tenant_id', 'course_id', 'key'),), 'pk_attr': 'id', 'table_description': "The lasting identity of a lecture: progress, notes and attempts hang on it. `key` is its name in the course's folder."},
            bases=['TenantRow'],
        ),
        ops.CreateModel(
            name='LectureContent',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('tenant_id', fields.UUIDField()),
                ('lecture_id', fields.UUIDField()),
                ('content_type', fields.CharEnumField(description='VIDEO: VIDEO\nTEXT: TEXT\nQUIZ: QUIZ', enum_type=ContentType, max_length=16)),
                ('markdown', fields.TextField(null=True, unique=False)),
                ('html', fields.TextField(null=True, unique=False)),
                ('sanitizer', fields.IntField(null=True)),
                ('video_id', fields.UUIDField(null=True)),
                ('quiz_revision_id', fields.UUIDField(null=True)),
                ('created_at', fields.DatetimeField(auto_now=False, auto_now_add=True)),
            ],
            options={'table': 'lecture_contents', 'app': 'models', 'pk_attr': 'id', 'table_description': 'What a lecture shows: never changed once written, shared by the versions that show the same.'},
            bases=['TenantRow'],
        ),
        ops.CreateModel(
            name='LectureProgress',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('tenant_id', fields.UUIDField()),
                ('enrollment_id', fields.UUIDField()),
                ('lecture_id', fields.UUIDField()),
                ('ranges', MultirangeField(kind='int4multirange')),
                ('covered_ms', fields.IntField(default=0)),
                ('watch_time_ms', fields.BigIntField(default=0)),
                ('last_position_ms', fields.IntField(default=0)),
                ('last_event_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ('completed_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'lecture_progress', 'app': 'models', 'unique_together': (('tenant_id', 'enrollment_id', 'lecture_id'),), 'pk_attr': 'id', 'table_description': 'What a run has seen of a lecture: the union of watched ranges in milliseconds, and whether it is done.'},
            bases=['TenantRow'],
        ),
        ops.CreateModel(
            name='ProgressDevice',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('tenant_id', fields.UUIDField()),
                ('enrollment_id', fields.UUIDField()),
                ('device_id', fields.CharField(max_length=64)),
                ('high_water', fields.BigIntField(default=0)),
                ('ahead', MultirangeField(kind='int8multirange')),
            ],
            options={'table': 'progress_devices', 'app': 'models', 'unique_together': (('tenant_id', 'enrollment_id', 'device_id'),), 'pk_attr': 'id', 'table_description': 'Which client-numbered events of one device have been taken: all up to `high_water`, and the small set `ahead` of it.'},
            bases=['TenantRow'],
        ),
        ops.CreateModel(
            name='Question',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('tenant_id', fields.UUIDField()),
                ('quiz_id', fields.UUIDField()),
                ('key', fields.CharField(max_length=80)),
            ],
            options={'table': 'questions', 'app': 'models', 'unique_together': (('tenant_id', 'quiz_id', 'key'),), 'pk_attr': 'id', 'table_description': 'The lasting identity of a question.'},
            bases=['TenantRow'],
        ),
        ops.CreateModel(
            name='QuestionRevision',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('tenant_id', fields.UUIDField()),
                ('quiz_revision_id', fields.UUIDField()),
                ('question_id', fields.UUIDField()),
                ('position', fields.IntField()),
                ('kind', fields.CharEnumField(description='CHOICE: CHOICE\nTRUE_FALSE: TRUE_FALSE', enum_type=QuestionKind, max_length=16)),
                ('points', fields.DecimalField(max_digits=8, decimal_places=2)),
                ('prompt_markdown', fields.TextField(unique=False)),
                ('prompt_html', fields.TextField(unique=False)),
                ('body', fields.JSONField(encoder=JSON_DUMPS, decoder=loads)),
            ],
            options={'table': 'question_revisions', 'app': 'models', 'unique_together': (('tenant_id', 'quiz_revision_id', 'question_id'), ('tenant_id', 'quiz_revision_id', 'position')), 'pk_attr': 'id', 'table_description': 'A question in a revision. `body` holds options and key in the shape of its kind: it never leaves the domain.'},
            bases=['TenantRow'],
        ),
        ops.CreateModel(
            name='Quiz',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('tenant_id', fields.UUIDField()),
                ('created_at', fields.DatetimeField(auto_now=False, auto_now_add=True)),
            ],
            options={'table': 'quizzes', 'app': 'models', 'pk_attr': 'id', 'table_description': 'The lasting identity of a quiz. It knows no lecture: whoever shows it keeps the link.'},
            bases=['TenantRow'],
        ),
        ops.CreateModel(
            name='QuizRevision',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('tenant_id', fields.UUIDField()),
                ('quiz_id', fields.UUIDField()),
                ('number', fields.IntField()),
                ('title', fields.CharField(max_length=200)),
                ('passing_score', fields.DecimalField(max_digits=5, decimal_places=2)),
                ('time_limit_minutes', fields.IntField(null=True)),
                ('max_attempts', fields.IntField(null=True)),
                ('shuffle', fields.BooleanField(default=False)),
                ('draw_count', fields.IntField(null=True)),
                ('source_sha256', fields.CharField(max_length=64)),
                ('created_at', fields.DatetimeField(auto_now=False, auto_now_add=True)),
            ],
            options={'table': 'quiz_revisions', 'app': 'models', 'unique_together': (('tenant_id', 'quiz_id', 'number'),), 'pk_attr': 'id', 'table_description': 'A quiz as it was at one time. Never changed once written.'},
            bases=['TenantRow'],
        ),
        ops.CreateModel(
            name='Section',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('tenant_id', fields.UUIDField()),
                ('course_id', fields.UUIDField()),
                ('key', fields.CharField(max_length=80)),
            ],
            options={'table': 'sections', 'app': 'models', 'unique_together': (('tenant_id', 'course_id', 'key'),), 'pk_attr': 'id', 'table_description': "The lasting identity of a section. `key` is its name in the course's folder."},
            bases=['TenantRow'],
        ),
        ops.CreateModel(
            name='Session',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('tenant_id', fields.UUIDField()),
                ('account_id', fields.UUIDField()),
                ('created_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('last_seen_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('expires_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('ip_address', fields.CharField(null=True, max_length=45)),
                ('user_agent', fields.CharField(null=True, max_length=400)),
                ('revoked_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ('revoked_reason', fields.CharField(null=True, max_length=32)),
            ],
            options={'table': 'sessions', 'app': 'models', 'pk_attr': 'id', 'table_description': 'One sign-in on one device. Its tokens rotate; ending it ends them all.'},
            bases=['TenantRow'],
        ),
        ops.CreateModel(
            name='SessionToken',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('tenant_id', fields.UUIDField()),
                ('session_id', fields.UUIDField()),
                ('kind', fields.CharEnumField(description='ACCESS: ACCESS\nREFRESH: REFRESH', enum_type=TokenKind, max_length=16)),
                ('token_hash', fields.BinaryField()),
                ('created_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('expires_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('used_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'session_tokens', 'app': 'models', 'pk_attr': 'id', 'table_description': 'An access or refresh token of a session; only its SHA-256 is kept. A refresh token is used once.'},
            bases=['TenantRow'],
        ),
        ops.CreateModel(
            name='SigningKey',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('tenant_id', fields.UUIDField()),
                ('public_key', fields.BinaryField()),
                ('sealed_private_key', fields.BinaryField()),
                ('created_at', fields.DatetimeField(auto_now=False, auto_now_add=True)),
                ('retired_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'signing_keys', 'app': 'models', 'pk_attr': 'id', 'table_description': 'An Ed25519 key of a tenant. The private half is sealed under `LMS_SECRET_KEYS`; the public half stays for ever.'},
            bases=['TenantRow'],
        ),
        ops.CreateModel(
            name='Tenant',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('tenant_id', fields.UUIDField()),
                ('slug', fields.CharField(unique=True, max_length=63)),
                ('name', fields.CharField(max_length=200)),
                ('kind', fields.CharEnumField(default=TenantKind.TENANT, description='TENANT: TENANT\nPLATFORM: PLATFORM', enum_type=TenantKind, max_length=16)),
                ('logo_file_id', fields.UUIDField(null=True)),
                ('primary_color', fields.CharField(default='#1f2937', max_length=7)),
                ('locale', fields.CharField(default='en', max_length=35)),
                ('currency', fields.CharField(default='USD', max_length=3)),
                ('support_email', fields.CharField(null=True, max_length=254)),
                ('settings', fields.JSONField(default=dict, encoder=JSON_DUMPS, decoder=loads)),
                ('created_at', fields.DatetimeField(auto_now=False, auto_now_add=True)),
            ],
            options={'table': 'tenants', 'app': 'models', 'pk_attr': 'id', 'table_description': 'A school with its own brand, prices and sign-in. `tenant_id` equals `id`.'},
            bases=['TenantRow'],
        ),
        ops.CreateModel(
            name='VersionLecture',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('tenant_id', fields.UUIDField()),
                ('version_id', fields.UUIDField()),
                ('section_id', fields.UUIDField()),
                ('lecture_id', fields.UUIDField()),
                ('content_id', fields.UUIDField()),
                ('title', fields.CharField(max_length=200)),
                ('content_type', fields.CharEnumField(description='VIDEO: VIDEO\nTEXT: TEXT\nQUIZ: QUIZ', enum_type=ContentType, max_length=16)),
                ('position', fields.IntField()),
                ('duration_seconds', fields.IntField(default=0)),
                ('is_preview', fields.BooleanField(default=False)),
                ('is_required', fields.BooleanField(default=True)),
                ('completion_kind', fields.CharEnumField(description='OPENED: OPENED\nWATCHED: WATCHED\nPASSED: PASSED', enum_type=CompletionKind, max_length=16)),
                ('completion_target', fields.IntField(null=True)),
                ('release', fields.JSONField(null=True, encoder=JSON_DUMPS, decoder=loads)),
            ],
            options={'table': 'version_lectures', 'app': 'models', 'unique_together': (('tenant_id', 'version_id', 'lecture_id'), ('tenant_id', 'version_id', 'position')), 'pk_attr': 'id', 'table_description': 'A lecture as one version has it. `position` counts through the whole version.'},
            bases=['TenantRow'],
        ),
        ops.CreateModel(
            name='VersionResource',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('tenant_id', fields.UUIDField()),
                ('version_id', fields.UUIDField()),
                ('lecture_id', fields.UUIDField()),
                ('file_id', fields.UUIDField()),
                ('title', fields.CharField(max_length=200)),
                ('position', fields.IntField()),
            ],
            options={'table': 'version_resources', 'app': 'models', 'unique_together': (('tenant_id', 'version_id', 'lecture_id', 'position'),), 'pk_attr': 'id', 'table_description': 'A file to download beside a lecture, as one version has it.'},
            bases=['TenantRow'],
        ),
        ops.CreateModel(
            name='VersionSection',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('tenant_id', fields.UUIDField()),
                ('version_id', fields.UUIDField()),
                ('section_id', fields.UUIDField()),
                ('title', fields.CharField(max_length=200)),
                ('position', fields.IntField()),
            ],
            options={'table': 'version_sections', 'app': 'models', 'unique_together': (('tenant_id', 'version_id', 'section_id'), ('tenant_id', 'version_id', 'position')), 'pk_attr': 'id', 'table_description': 'A section as one version has it.'},
            bases=['TenantRow'],
        ),
        ops.CreateModel(
            name='Video',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('tenant_id', fields.UUIDField()),
                ('file_id', fields.UUIDField()),
                ('status', fields.CharEnumField(description='PENDING: PENDING\nREADY: READY\nFAILED: FAILED', enum_type=VideoStatus, max_length=16)),
                ('duration_ms', fields.IntField()),
                ('chapters', fields.JSONField(default=list, encoder=JSON_DUMPS, decoder=loads)),
                ('captions', fields.JSONField(default=list, encoder=JSON_DUMPS, decoder=loads)),
                ('created_at', fields.DatetimeField(auto_now=False, auto_now_add=True)),
            ],
            options={'table': 'videos', 'app': 'models', 'pk_attr': 'id', 'table_description': 'A video: its source file, length, chapters `[{title, startSeconds}]` and captions `[{language, label, fileId}]`.'},
            bases=['TenantRow'],
        ),
    ]

# --- What Tortoise cannot say: written by hand, in the same transaction. ---


_TABLES = (
    "tenants domains accounts account_roles sessions session_tokens instructors files videos categories courses course_instructors course_versions "
    "sections lectures lecture_contents version_sections version_lectures version_resources quizzes quiz_revisions questions question_revisions attempts "
    "attempt_answers entitlements enrollments lecture_progress progress_devices certificates signing_keys idempotency_keys jobs"
).split()

_TRIGGERS = """
    CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION '% rows are never changed once written', TG_TABLE_NAME USING ERRCODE = 'integrity_constraint_violation';
    END $$;

    CREATE FUNCTION refuse_change_of_published() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE
        version uuid := CASE WHEN TG_TABLE_NAME = 'course_versions' THEN OLD.id ELSE (to_jsonb(OLD) ->> 'version_id')::uuid END;
    BEGIN
        IF EXISTS (SELECT FROM course_versions v WHERE v.tenant_id = OLD.tenant_id AND v.id = version AND v.published_at IS NOT NULL) THEN
            RAISE EXCEPTION 'a published version is never changed' USING ERRCODE = 'integrity_constraint_violation';
        END IF;
        RETURN CASE WHEN TG_OP = 'DELETE' THEN OLD ELSE NEW END;
    END $$;

    CREATE FUNCTION refuse_addition_to_published() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF EXISTS (SELECT FROM course_versions v WHERE v.tenant_id = NEW.tenant_id AND v.id = NEW.version_id AND v.published_at IS NOT NULL) THEN
            RAISE EXCEPTION 'a published version is never changed' USING ERRCODE = 'integrity_constraint_violation';
        END IF;
        RETURN NEW;
    END $$;

    CREATE TRIGGER frozen BEFORE UPDATE OR DELETE ON course_versions FOR EACH ROW EXECUTE FUNCTION refuse_change_of_published();
    CREATE TRIGGER frozen BEFORE UPDATE OR DELETE ON version_sections FOR EACH ROW EXECUTE FUNCTION refuse_change_of_published();
    CREATE TRIGGER frozen BEFORE UPDATE OR DELETE ON version_lectures FOR EACH ROW EXECUTE FUNCTION refuse_change_of_published();
    CREATE TRIGGER frozen BEFORE UPDATE OR DELETE ON version_resources FOR EACH ROW EXECUTE FUNCTION refuse_change_of_published();
    CREATE TRIGGER closed BEFORE INSERT ON version_sections FOR EACH ROW EXECUTE FUNCTION refuse_addition_to_published();
    CREATE TRIGGER closed BEFORE INSERT ON version_lectures FOR EACH ROW EXECUTE FUNCTION refuse_addition_to_published();
    CREATE TRIGGER closed BEFORE INSERT ON version_resources FOR EACH ROW EXECUTE FUNCTION refuse_addition_to_published();
    CREATE TRIGGER frozen BEFORE UPDATE OR DELETE ON lecture_contents FOR EACH ROW EXECUTE FUNCTION refuse_change();
    CREATE TRIGGER frozen BEFORE UPDATE OR DELETE ON quiz_revisions FOR EACH ROW EXECUTE FUNCTION refuse_change();
    CREATE TRIGGER frozen BEFORE UPDATE OR DELETE ON question_revisions FOR EACH ROW EXECUTE FUNCTION refuse_change();

    CREATE FUNCTION refuse_unfinishing() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION 'a finished run never becomes unfinished' USING ERRCODE = 'integrity_constraint_violation';
    END $$;
    CREATE TRIGGER kept BEFORE DELETE ON enrollments FOR EACH ROW WHEN (OLD.completed_at IS NOT NULL) EXECUTE FUNCTION refuse_unfinishing();
    CREATE TRIGGER finished BEFORE UPDATE ON enrollments FOR EACH ROW
        WHEN (OLD.completed_at IS NOT NULL AND (NEW.completed_at IS DISTINCT FROM OLD.completed_at OR NEW.status <> OLD.status)) EXECUTE FUNCTION refuse_unfinishing();
"""

_SEARCH = """
    CREATE FUNCTION search_text(title text, short_description text, tags text[]) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
        SELECT lower(public.unaccent('public.unaccent', title || ' ' || short_description || ' ' || array_to_string(tags, ' ')))
    $$;
    ALTER TABLE courses
        ADD COLUMN search_text text GENERATED ALWAYS AS (search_text(title, short_description, tags)) STORED,
        ADD COLUMN search tsvector GENERATED ALWAYS AS (
            setweight(to_tsvector('simple', search_text(title, '', '{}')), 'A') || setweight(to_tsvector('english', search_text(title, '', '{}')), 'A')
            || setweight(to_tsvector('english', search_text('', '', tags)), 'B') || setweight(to_tsvector('english', search_text('', short_description, '{}')), 'C')) STORED;
    CREATE INDEX courses_search ON courses USING gin (tenant_id, search);
    CREATE INDEX courses_search_text ON courses USING gin (tenant_id, search_text gin_trgm_ops);

    -- Row policies keep `@@` and `%` from using an index, because those operators are not leakproof. This function is trusted instead: it runs as the
    -- owner, and its first predicate is the present tenant.
    CREATE FUNCTION search_courses(asked text) RETURNS TABLE (course_id uuid, relevance real)
    LANGUAGE plpgsql STABLE SECURITY DEFINER ROWS 50
    SET search_path = public, pg_temp SET pg_trgm.word_similarity_threshold = 0.35 SET plan_cache_mode = force_custom_plan SET enable_seqscan = off AS $$
    DECLARE
        tenant uuid := nullif(current_setting('app.tenant', true), '')::uuid;
        plain text := lower(unaccent('unaccent', asked));
        stemmed tsquery := websearch_to_tsquery('english', plain);
        exact tsquery := websearch_to_tsquery('simple', plain);
        words text[] := ARRAY(SELECT DISTINCT word FROM regexp_split_to_table(plain, '[^[:alnum:]]+') AS word WHERE length(word) > 2 LIMIT 12);
        longest text := (SELECT word FROM unnest(words) AS word ORDER BY length(word) DESC, word LIMIT 1);
    BEGIN
        -- Planned anew with the values in it, so that both indexes are chosen by what is asked.
        RETURN QUERY
        SELECT both_ways.id, max(both_ways.relevance)::real FROM (
            SELECT c.id, 1 + ts_rank(c.search, stemmed) + word_similarity(plain, c.search_text) AS relevance
            FROM courses c WHERE c.tenant_id = tenant AND c.status = 'PUBLISHED' AND c.search @@ (stemmed || exact)
            UNION ALL
            -- Every word of the question is like some word of the course: typing errors are forgiven word by word.
            SELECT c.id, (SELECT avg(word_similarity(word, c.search_text)) FROM unnest(words) AS word)
            FROM courses c WHERE c.tenant_id = tenant AND c.status = 'PUBLISHED' AND longest <% c.search_text
            AND NOT EXISTS (SELECT FROM unnest(words) AS word WHERE NOT word <% c.search_text)
        ) AS both_ways GROUP BY both_ways.id;
    END $$;
    REVOKE ALL ON FUNCTION search_courses(text) FROM PUBLIC;
    GRANT EXECUTE ON FUNCTION search_courses(text) TO lms_app;

    CREATE INDEX courses_by_title ON courses (tenant_id, (lower(title)), id) WHERE status = 'PUBLISHED';
    CREATE INDEX courses_by_publication ON courses (tenant_id, first_published_at, id) WHERE status = 'PUBLISHED';
    CREATE INDEX courses_by_enrollments ON courses (tenant_id, enrollment_count, id) WHERE status = 'PUBLISHED';
    CREATE INDEX courses_by_duration ON courses (tenant_id, duration_seconds, id) WHERE status = 'PUBLISHED';
    CREATE INDEX courses_by_tag ON courses USING gin (tenant_id, tags) WHERE status = 'PUBLISHED';
"""

_PROGRESS_EVENTS = """
    CREATE TABLE progress_events (
        tenant_id uuid NOT NULL,
        enrollment_id uuid NOT NULL,
        device_id varchar(64) NOT NULL,
        client_event_id bigint NOT NULL,
        lecture_id uuid NOT NULL,
        kind varchar(16) NOT NULL,
        from_ms integer,
        to_ms integer,
        occurred_at timestamptz NOT NULL,
        received_at timestamptz NOT NULL,
        PRIMARY KEY (tenant_id, received_at, enrollment_id, device_id, client_event_id)
    ) PARTITION BY RANGE (received_at);
    CREATE INDEX progress_events_run ON progress_events (tenant_id, enrollment_id, received_at);

    CREATE FUNCTION prepare_progress_partitions(months_ahead integer, months_kept integer) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
    DECLARE
        month date := date_trunc('month', now() AT TIME ZONE 'UTC')::date;
        made integer := 0;
        name text;
        old record;
    BEGIN
        PERFORM pg_advisory_xact_lock(7020193);
        FOR ahead IN 0..months_ahead LOOP
            name := 'progress_events_' || to_char(month + make_interval(months => ahead), 'YYYY_MM');
            IF to_regclass('public.' || name) IS NULL THEN
                EXECUTE format('CREATE TABLE %I PARTITION OF progress_events FOR VALUES FROM (%L) TO (%L)', name,
                    (month + make_interval(months => ahead))::timestamp AT TIME ZONE 'UTC', (month + make_interval(months => ahead + 1))::timestamp AT TIME ZONE 'UTC');
                EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
                made := made + 1;
            END IF;
        END LOOP;
        FOR old IN SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhparent = 'public.progress_events'::regclass
                   AND c.relname < 'progress_events_' || to_char(month - make_interval(months => months_kept), 'YYYY_MM') LOOP
            EXECUTE format('DROP TABLE %I', old.relname);
        END LOOP;
        RETURN made;
    END $$;
    REVOKE ALL ON FUNCTION prepare_progress_partitions(integer, integer) FROM PUBLIC;
    GRANT EXECUTE ON FUNCTION prepare_progress_partitions(integer, integer) TO lms_system;
    SELECT prepare_progress_partitions(3, 1200);
"""

_OUTBOX = """
    CREATE SEQUENCE fact_positions;
    GRANT USAGE ON SEQUENCE fact_positions TO lms_system;
    CREATE INDEX facts_untold ON facts (recorded_at) WHERE position IS NULL;
    CREATE UNIQUE INDEX facts_position ON facts (position) WHERE position IS NOT NULL;
    CREATE INDEX facts_feed ON facts (tenant_id, position) WHERE position IS NOT NULL;
    CREATE INDEX deliveries_due ON deliveries (due_at) WHERE state IN ('PENDING', 'SENT');
    CREATE INDEX deliveries_buried ON deliveries (tenant_id, due_at) WHERE state = 'BURIED';
    CREATE INDEX idempotency_keys_age ON idempotency_keys (created_at);
"""

_UNIQUES = """
    CREATE UNIQUE INDEX session_tokens_hash ON session_tokens (token_hash);
    CREATE UNIQUE INDEX certificates_code ON certificates (tenant_id, code);
    CREATE INDEX certificates_look_up ON certificates (code);
    CREATE INDEX files_look_up ON files (id) WHERE is_public;
    CREATE INDEX signing_keys_look_up ON signing_keys (id);
    CREATE UNIQUE INDEX certificates_current ON certificates (tenant_id, subject_kind, subject_id) WHERE superseded_at IS NULL;
    CREATE UNIQUE INDEX signing_keys_current ON signing_keys (tenant_id) WHERE retired_at IS NULL;
    CREATE UNIQUE INDEX course_versions_number ON course_versions (tenant_id, course_id, number) WHERE number IS NOT NULL;
    CREATE UNIQUE INDEX course_versions_draft ON course_versions (tenant_id, course_id) WHERE published_at IS NULL;
    CREATE UNIQUE INDEX enrollments_open_run ON enrollments (tenant_id, account_id, course_id) WHERE status = 'ACTIVE';
    CREATE UNIQUE INDEX enrollments_grant ON enrollments (tenant_id, entitlement_id) WHERE entitlement_id IS NOT NULL;
    CREATE UNIQUE INDEX entitlements_source ON entitlements (tenant_id, kind, source_id, account_id, subject_kind, subject_id) NULLS NOT DISTINCT WHERE source_id IS NOT NULL;
    CREATE UNIQUE INDEX attempts_open ON attempts (tenant_id, subject_id, quiz_id) WHERE status = 'OPEN';
    CREATE INDEX attempts_deadline ON attempts (tenant_id, deadline_at) WHERE status = 'OPEN' AND deadline_at IS NOT NULL;
    CREATE INDEX enrollments_page ON enrollments (tenant_id, account_id, enrolled_at, id);
    CREATE INDEX certificates_page ON certificates (tenant_id, account_id, issued_at, id);
"""

_WALLS = (
    *(tenant_table(table) for table in _TABLES),
    tenant_table("facts", app="SELECT, INSERT"),
    tenant_table("aggregates", app="SELECT, INSERT, UPDATE"),
    tenant_table("deliveries", app="SELECT, UPDATE"),
    _PROGRESS_EVENTS,
    tenant_table("progress_events", app="SELECT, INSERT", new_key=False),
    check("tenants", "is_its_own", "tenant_id = id"),
    check("tenants", "slug", "slug ~ '^[a-z0-9]([a-z0-9-]*[a-z0-9])?$'"),
    check("domains", "host", "host = lower(host)"),
    one_of("tenants", "kind", "TENANT", "PLATFORM"),
    one_of("domains", "status", "PENDING", "VERIFIED"),
    one_of("accounts", "status", "ACTIVE", "SUSPENDED", "ERASED"),
    one_of("account_roles", "role", "PLATFORM_ADMIN", "TENANT_ADMIN", "INSTRUCTOR", "SUPPORT", "STUDENT"),
    one_of("session_tokens", "kind", "ACCESS", "REFRESH"),
    one_of("videos", "status", "PENDING", "READY", "FAILED"),
    one_of("courses", "status", "DRAFT", "PUBLISHED", "UNPUBLISHED", "ARCHIVED"),
    one_of("courses", "enrollment_policy", "OPEN", "BY_GRANT"),
    one_of("courses", "level", "BEGINNER", "INTERMEDIATE", "ADVANCED", "ALL_LEVELS"),
    one_of("course_instructors", "role", "LEAD", "ASSISTANT"),
    one_of("course_versions", "level", "BEGINNER", "INTERMEDIATE", "ADVANCED", "ALL_LEVELS"),
    one_of("lecture_contents", "content_type", "VIDEO", "TEXT", "QUIZ"),
    one_of("version_lectures", "content_type", "VIDEO", "TEXT", "QUIZ"),
    one_of("version_lectures", "completion_kind", "OPENED", "WATCHED", "PASSED"),
    one_of("question_revisions", "kind", "CHOICE", "TRUE_FALSE"),
    one_of("attempts", "status", "OPEN", "SUBMITTED", "GRADED"),
    one_of("attempts", "submitted_by", "LEARNER", "DEADLINE"),
    one_of("entitlements", "subject_kind", "COURSE", "ALL_ACCESS"),
    one_of("entitlements", "kind", "ORDER", "SUBSCRIPTION", "INSTALLMENT_PLAN", "BUNDLE", "SEAT", "GIFT", "MANUAL", "OPEN", "PREVIEW"),
    one_of("entitlements", "state", "ACTIVE", "PAST_DUE", "PAUSED"),
    one_of("enrollments", "status", "ACTIVE", "COMPLETED", "CANCELED"),
    one_of("certificates", "subject_kind", "COURSE_RUN"),
    one_of("deliveries", "state", "PENDING", "SENT", "DONE", "BURIED"),
    one_of("jobs", "state", "QUEUED", "RUNNING", "SUCCEEDED", "FAILED"),
    check("course_versions", "number_when_published", "(number IS NULL) = (published_at IS NULL)"),
    check("course_instructors", "share", "revenue_share_basis_points BETWEEN 0 AND 10000"),
    check("quiz_revisions", "bounds", "passing_score BETWEEN 0 AND 100 AND time_limit_minutes > 0 AND max_attempts > 0 AND draw_count > 0"),
    check("enrollments", "progress", "progress_percent BETWEEN 0 AND 100"),
    check("enrollments", "completion", "(status = 'COMPLETED') <= (completed_at IS NOT NULL)"),
    check("entitlements", "window", "ends_at IS NULL OR ends_at > starts_at"),
    check("entitlements", "subject", "(subject_kind = 'ALL_ACCESS') = (subject_id IS NULL)"),
    check("lecture_contents", "content", "(content_type = 'TEXT') = (markdown IS NOT NULL) AND (content_type = 'VIDEO') = (video_id IS NOT NULL) AND (content_type = 'QUIZ') = (quiz_revision_id IS NOT NULL)"),
    check("lecture_progress", "sums", "covered_ms >= 0 AND watch_time_ms >= 0 AND last_position_ms >= 0"),
    check("attempts", "graded", "(status = 'GRADED') = (graded_at IS NOT NULL)"),
    check("certificates", "pdf", "(pdf_file_id IS NULL) = (pdf_ready_at IS NULL)"),
    reference("tenants", "logo_file_id", "files"),
    reference("account_roles", "account_id", "accounts", index=False),
    reference("sessions", "account_id", "accounts"),
    reference("session_tokens", "session_id", "sessions"),
    reference("accounts", "avatar_file_id", "files"),
    reference("instructors", "id", "accounts", index=False),
    reference("videos", "file_id", "files"),
    reference("categories", "parent_id", "categories"),
    reference("courses", "category_id", "categories"),
    reference("courses", "cover_file_id", "files"),
    reference("courses", "draft_version_id", "course_versions"),
    reference("courses", "published_version_id", "course_versions"),
    reference("course_instructors", "course_id", "courses", index=False),
    reference("course_instructors", "account_id", "instructors"),
    reference("course_versions", "course_id", "courses"),
    reference("course_versions", "cover_file_id", "files"),
    reference("sections", "course_id", "courses", index=False),
    reference("lectures", "course_id", "courses", index=False),
    reference("lecture_contents", "lecture_id", "lectures"),
    reference("lecture_contents", "video_id", "videos"),
    reference("lecture_contents", "quiz_revision_id", "quiz_revisions"),
    reference("version_sections", "version_id", "course_versions", index=False),
    reference("version_sections", "section_id", "sections"),
    reference("version_lectures", "version_id", "course_versions", index=False),
    reference("version_lectures", "section_id", "sections"),
    reference("version_lectures", "lecture_id", "lectures"),
    reference("version_lectures", "content_id", "lecture_contents"),
    reference("version_resources", "version_id", "course_versions", index=False),
    reference("version_resources", "lecture_id", "lectures"),
    reference("version_resources", "file_id", "files"),
    reference("quiz_revisions", "quiz_id", "quizzes", index=False),
    reference("questions", "quiz_id", "quizzes", index=False),
    reference("question_revisions", "quiz_revision_id", "quiz_revisions", index=False),
    reference("question_revisions", "question_id", "questions"),
    reference("attempts", "quiz_id", "quizzes"),
    reference("attempts", "quiz_revision_id", "quiz_revisions"),
    reference("attempts", "account_id", "accounts"),
    reference("attempt_answers", "attempt_id", "attempts", index=False),
    reference("attempt_answers", "question_id", "questions"),
    reference("entitlements", "account_id", "accounts"),
    reference("enrollments", "account_id", "accounts", index=False),
    reference("enrollments", "course_id", "courses"),
    reference("enrollments", "version_id", "course_versions"),
    reference("enrollments", "entitlement_id", "entitlements", index=False),
    reference("enrollments", "resume_lecture_id", "lectures"),
    reference("lecture_progress", "enrollment_id", "enrollments", index=False),
    reference("lecture_progress", "lecture_id", "lectures"),
    reference("progress_devices", "enrollment_id", "enrollments", index=False),
    reference("certificates", "account_id", "accounts", index=False),
    reference("certificates", "course_id", "courses"),
    reference("certificates", "signing_key_id", "signing_keys"),
    reference("certificates", "supersedes_id", "certificates"),
    reference("certificates", "pdf_file_id", "files"),
    reference("deliveries", "fact_id", "facts", index=False, on_delete="CASCADE"),
    reference("jobs", "account_id", "accounts"),
    _UNIQUES,
    _TRIGGERS,
    _SEARCH,
    _OUTBOX,
    for_system("facts", "SELECT, UPDATE, DELETE", name="relay"),
    for_system("deliveries", "SELECT, INSERT, UPDATE, DELETE", name="relay"),
    for_system("idempotency_keys", "SELECT, DELETE", name="sweep"),
    for_system("tenants", "SELECT", name="look_up"),
    for_system("domains", "SELECT", name="look_up", condition="status = 'VERIFIED'"),
    for_system("session_tokens", "SELECT", name="look_up"),
    for_system("sessions", "SELECT", name="look_up"),
    for_system("account_roles", "SELECT", name="look_up"),
    "CREATE POLICY look_up ON accounts TO lms_system USING (true); GRANT SELECT (tenant_id, id, status, locale) ON accounts TO lms_system;",
    # Addresses of pages that name no tenant: a public file by its id, a certificate's tenant by its code, a public key by its id.
    "CREATE POLICY look_up ON files TO lms_system USING (is_public); "
    "GRANT SELECT (tenant_id, id, object_key, content_type, size_bytes, sha256, is_public) ON files TO lms_system;",
    "CREATE POLICY look_up ON certificates TO lms_system USING (true); GRANT SELECT (tenant_id, code) ON certificates TO lms_system;",
    "CREATE POLICY look_up ON signing_keys TO lms_system USING (true); GRANT SELECT (tenant_id, id, public_key) ON signing_keys TO lms_system;",
)

Migration.operations.append(ops.RunSQL("\n".join(_WALLS)))
