"""API keys, sessions of explorers and impersonations, and an audit log that is read by who, what and when."""

from tortoise import migrations
from tortoise.migrations import operations as ops
from lms_graph.kit.ids import new_id
from lms_graph.models.base import TextArrayField
from lms_graph.models.ddl import check, one_of, reference, tenant_table
from lms_graph.models.identity import ApiKeyKind, SessionKind
from tortoise import fields

class Migration(migrations.Migration):
    dependencies = [('models', '0007_second_factor')]

    initial = False

    operations = [
        ops.CreateModel(
            name='ApiKey',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('tenant_id', fields.UUIDField()),
                ('name', fields.CharField(max_length=100)),
                ('kind', fields.CharEnumField(description='SECRET: SECRET\nPUBLISHABLE: PUBLISHABLE', enum_type=ApiKeyKind, max_length=16)),
                ('scopes', TextArrayField(generated=False, null=False, unique=False)),
                ('key_hash', fields.BinaryField()),
                ('last_four', fields.CharField(max_length=4)),
                ('account_id', fields.UUIDField()),
                ('created_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('expires_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ('last_used_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ('revoked_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'api_keys', 'app': 'models', 'pk_attr': 'id', 'table_description': "A key for programs, made by an account; only its SHA-256 is kept. What a secret one may do is what both its scopes and its maker's present rights allow; a publishable one has none."},
            bases=['TenantRow'],
        ),
        ops.AddField(
            model_name='AuditEntry',
            name='is_system',
            field=fields.BooleanField(default=False, db_default=False),
        ),
        ops.AlterModelOptions(
            name='Session',
            options={'table': 'sessions', 'app': 'models', 'pk_attr': 'id', 'table_description': 'One sign-in on one device. Its tokens rotate; ending it ends them all, and the sessions that were opened out of it (`opener_id`): those of explorers and impersonations.'},
        ),
        ops.AddField(
            model_name='Session',
            name='impersonator_id',
            field=fields.UUIDField(null=True),
        ),
        ops.AddField(
            model_name='Session',
            name='is_masked',
            field=fields.BooleanField(default=False, db_default=False),
        ),
        ops.AddField(
            model_name='Session',
            name='is_read_only',
            field=fields.BooleanField(default=False, db_default=False),
        ),
        ops.AddField(
            model_name='Session',
            name='kind',
            field=fields.CharEnumField(default=SessionKind.SIGN_IN, description='SIGN_IN: SIGN_IN\nEXPLORER: EXPLORER\nIMPERSONATION: IMPERSONATION', db_default='SIGN_IN', enum_type=SessionKind, max_length=16),
        ),
        ops.AddField(
            model_name='Session',
            name='opener_id',
            field=fields.UUIDField(null=True),
        ),
        ops.RunSQL(
            tenant_table("api_keys")
            + reference("api_keys", "account_id", "accounts")
            + one_of("api_keys", "kind", "SECRET", "PUBLISHABLE")
            + check("api_keys", "life", "expires_at > created_at AND (kind = 'PUBLISHABLE' OR expires_at IS NOT NULL)")
            + check("api_keys", "scopes", "kind = 'SECRET' OR cardinality(scopes) = 0")
            + "CREATE UNIQUE INDEX api_keys_hash ON api_keys (key_hash);"
            # The page of all, and the living ones of a kind, which are counted for the limit.
            + "CREATE INDEX api_keys_page ON api_keys (tenant_id, created_at, id);"
            + "CREATE INDEX api_keys_living ON api_keys (tenant_id, kind) WHERE revoked_at IS NULL;"
            + "CREATE POLICY look_up ON api_keys TO lms_system USING (true); "
            "GRANT SELECT (tenant_id, id, kind, scopes, key_hash, account_id, expires_at, last_used_at, revoked_at) ON api_keys TO lms_system;"
            + one_of("sessions", "kind", "SIGN_IN", "EXPLORER", "IMPERSONATION")
            + check("sessions", "impersonator", "(kind = 'IMPERSONATION') = (impersonator_id IS NOT NULL)")
            + check("sessions", "impersonation", "kind <> 'IMPERSONATION' OR is_read_only")
            + reference("sessions", "opener_id", "sessions", index=False)
            + reference("sessions", "impersonator_id", "accounts", index=False)
            + "CREATE INDEX sessions_opener_id ON sessions (tenant_id, opener_id) WHERE opener_id IS NOT NULL;"
            + "CREATE INDEX sessions_impersonator_id ON sessions (tenant_id, impersonator_id) WHERE impersonator_id IS NOT NULL;"
            # The log by who did it, about what, and which action, each in the order of the page. Not `coalesce`: PostgreSQL takes it for leaky, and so no index with it under a row policy.
            + "CREATE INDEX audit_entries_actor ON audit_entries (tenant_id, (CASE WHEN impersonator_id IS NULL THEN account_id ELSE impersonator_id END), at, id);"
            + "CREATE INDEX audit_entries_subject ON audit_entries (tenant_id, subject, at, id);"
            + "CREATE INDEX audit_entries_action ON audit_entries (tenant_id, action, at, id);"
        ),
    ]
