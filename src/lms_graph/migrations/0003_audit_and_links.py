"""The audit log, and links in mails that prove who reads them."""

from tortoise import migrations
from tortoise.migrations import operations as ops
from lms_graph.kit.ids import new_id
from lms_graph.models.ddl import check, one_of, reference, tenant_table
from lms_graph.models.identity import ChallengeKind
from orjson import loads
from tortoise.fields.data import JSON_DUMPS
from tortoise import fields

class Migration(migrations.Migration):
    dependencies = [('models', '0002_api_settings')]

    initial = False

    operations = [
        ops.CreateModel(
            name='AuditEntry',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('tenant_id', fields.UUIDField()),
                ('at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('account_id', fields.UUIDField(null=True)),
                ('api_key_id', fields.UUIDField(null=True)),
                ('impersonator_id', fields.UUIDField(null=True)),
                ('action', fields.CharField(max_length=64)),
                ('subject', fields.CharField(max_length=40)),
                ('details', fields.JSONField(encoder=JSON_DUMPS, decoder=loads)),
                ('ip_address', fields.CharField(null=True, max_length=45)),
            ],
            options={'table': 'audit_entries', 'app': 'models', 'pk_attr': 'id', 'table_description': "Who changed rights or money, and from where. Written with the change, and never changed itself. `action` is the fact's name; `subject` the public id of what it is about."},
            bases=['TenantRow'],
        ),
        ops.CreateModel(
            name='Challenge',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('tenant_id', fields.UUIDField()),
                ('account_id', fields.UUIDField()),
                ('kind', fields.CharEnumField(description='EMAIL_VERIFICATION: EMAIL_VERIFICATION\nPASSWORD_RESET: PASSWORD_RESET\nEMAIL_CHANGE: EMAIL_CHANGE\nINVITATION: INVITATION', enum_type=ChallengeKind, max_length=24)),
                ('email', fields.CharField(max_length=254)),
                ('salt', fields.BinaryField()),
                ('created_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('expires_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('used_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'challenges', 'app': 'models', 'pk_attr': 'id', 'table_description': "What a link in a mail proves: that who follows it reads the mail of this address. Used once. The link's token is made of the id and `salt` under the deployment's key, and never stored."},
            bases=['TenantRow'],
        ),
        ops.RunSQL(
            tenant_table("audit_entries", app="SELECT, INSERT")
            + tenant_table("challenges")
            + reference("audit_entries", "account_id", "accounts")
            + reference("audit_entries", "impersonator_id", "accounts")
            + reference("challenges", "account_id", "accounts")
            + one_of("challenges", "kind", "EMAIL_VERIFICATION", "PASSWORD_RESET", "EMAIL_CHANGE", "INVITATION")
            + check("challenges", "life", "expires_at > created_at")
            + "CREATE INDEX audit_entries_page ON audit_entries (tenant_id, at, id);"
        ),
    ]
