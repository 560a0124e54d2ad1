"""The second factor, requests for mails with links, by which device a session is known, and the rights to sweep what is over."""

from tortoise import migrations
from tortoise.migrations import operations as ops
from lms_graph.kit.ids import new_id
from lms_graph.models.ddl import check, for_system, one_of, reference, tenant_table
from lms_graph.models.identity import ChallengeKind
from tortoise import fields

class Migration(migrations.Migration):
    dependencies = [('models', '0006_domains_and_brand')]

    initial = False

    operations = [
        ops.CreateModel(
            name='LinkRequest',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('tenant_id', fields.UUIDField()),
                ('kind', fields.CharEnumField(description='EMAIL_VERIFICATION: EMAIL_VERIFICATION\nPASSWORD_RESET: PASSWORD_RESET\nEMAIL_CHANGE: EMAIL_CHANGE\nINVITATION: INVITATION', enum_type=ChallengeKind, max_length=24)),
                ('email_key', fields.CharField(max_length=254)),
                ('created_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'link_requests', 'app': 'models', 'pk_attr': 'id', 'table_description': "Somebody has asked for a mail with a link, for an address that may or may not be an account's: a job looks it up and drops the row. So asking takes as long for either."},
            bases=['TenantRow'],
        ),
        ops.CreateModel(
            name='RecoveryCode',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('tenant_id', fields.UUIDField()),
                ('account_id', fields.UUIDField()),
                ('code_hash', fields.BinaryField()),
                ('used_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'recovery_codes', 'app': 'models', 'unique_together': (('tenant_id', 'account_id', 'code_hash'),), 'pk_attr': 'id', 'table_description': 'What gets in once in place of the authenticator app; only its SHA-256 is kept. A used one stays, until the codes are renewed.'},
            bases=['TenantRow'],
        ),
        ops.CreateModel(
            name='SecondFactorToken',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('tenant_id', fields.UUIDField()),
                ('account_id', fields.UUIDField()),
                ('token_hash', fields.BinaryField()),
                ('network', fields.CharField(max_length=64)),
                ('tries', fields.IntField(default=0)),
                ('created_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('expires_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'second_factor_tokens', 'app': 'models', 'unique_together': (('tenant_id', 'token_hash'),), 'pk_attr': 'id', 'table_description': 'A sign-in that has given the first factor and waits for the second; only its SHA-256 is kept. Dropped when it is used.'},
            bases=['TenantRow'],
        ),
        ops.CreateModel(
            name='TotpDevice',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('tenant_id', fields.UUIDField()),
                ('account_id', fields.UUIDField()),
                ('sealed_secret', fields.BinaryField()),
                ('created_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('confirmed_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ('last_step', fields.BigIntField(null=True)),
            ],
            options={'table': 'totp_devices', 'app': 'models', 'unique_together': (('tenant_id', 'account_id'),), 'pk_attr': 'id', 'table_description': "An account's authenticator app: its secret, sealed, and the last time step whose code was used. On from `confirmed_at`."},
            bases=['TenantRow'],
        ),
        ops.AddField(
            model_name='Session',
            name='agent',
            field=fields.CharField(null=True, max_length=200),
        ),
        ops.AddField(
            model_name='Session',
            name='network',
            field=fields.CharField(null=True, max_length=64),
        ),
        ops.RunSQL(
            tenant_table("link_requests")
            + tenant_table("totp_devices")
            + tenant_table("recovery_codes")
            + tenant_table("second_factor_tokens")
            + reference("totp_devices", "account_id", "accounts", index=False)
            + reference("recovery_codes", "account_id", "accounts", index=False)
            + reference("second_factor_tokens", "account_id", "accounts")
            + one_of("link_requests", "kind", "EMAIL_VERIFICATION", "PASSWORD_RESET", "EMAIL_CHANGE", "INVITATION")
            + check("second_factor_tokens", "life", "expires_at > created_at")
            + check("totp_devices", "used", "last_step IS NOT NULL OR confirmed_at IS NULL")
            + "CREATE INDEX sessions_device ON sessions (tenant_id, account_id, network, agent);"
            + "CREATE INDEX sessions_end ON sessions (expires_at);"
            + "CREATE INDEX challenges_end ON challenges (expires_at);"
            + "CREATE INDEX second_factor_tokens_end ON second_factor_tokens (expires_at);"
            + "GRANT DELETE ON sessions, session_tokens TO lms_system;"
            + for_system("challenges", "SELECT (tenant_id, id, expires_at), DELETE", name="sweep")
            + for_system("second_factor_tokens", "SELECT (tenant_id, id, expires_at), DELETE", name="sweep")
        ),
    ]
