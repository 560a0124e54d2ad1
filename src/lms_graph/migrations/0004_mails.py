"""Mails that were sent, and who wants which."""

from tortoise import migrations
from tortoise.migrations import operations as ops
from lms_graph.kit.ids import new_id
from lms_graph.models.ddl import check, one_of, reference, tenant_table
from lms_graph.models.notifications import MailKind, MailState
from tortoise import fields

KINDS = (
    "EMAIL_VERIFICATION", "PASSWORD_RESET", "EMAIL_CHANGE", "EMAIL_CHANGE_NOTICE", "EMAIL_CHANGED", "PASSWORD_CHANGED", "INVITATION", "SIGN_IN_ALERT",
    "APPLICATION_APPROVED", "APPLICATION_REFUSED",
)

class Migration(migrations.Migration):
    dependencies = [('models', '0003_audit_and_links')]

    initial = False

    operations = [
        ops.CreateModel(
            name='Mail',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('tenant_id', fields.UUIDField()),
                ('account_id', fields.UUIDField()),
                ('kind', fields.CharEnumField(description='EMAIL_VERIFICATION: EMAIL_VERIFICATION\nPASSWORD_RESET: PASSWORD_RESET\nEMAIL_CHANGE: EMAIL_CHANGE\nEMAIL_CHANGE_NOTICE: EMAIL_CHANGE_NOTICE\nEMAIL_CHANGED: EMAIL_CHANGED\nPASSWORD_CHANGED: PASSWORD_CHANGED\nINVITATION: INVITATION\nSIGN_IN_ALERT: SIGN_IN_ALERT\nAPPLICATION_APPROVED: APPLICATION_APPROVED\nAPPLICATION_REFUSED: APPLICATION_REFUSED', enum_type=MailKind, max_length=32)),
                ('about_id', fields.UUIDField()),
                ('email', fields.CharField(max_length=254)),
                ('locale', fields.CharField(max_length=35)),
                ('state', fields.CharEnumField(default=MailState.QUEUED, description='QUEUED: QUEUED\nSENT: SENT\nFAILED: FAILED\nDROPPED: DROPPED', enum_type=MailState, max_length=16)),
                ('created_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('sent_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ('provider_id', fields.CharField(null=True, max_length=200)),
                ('error', fields.TextField(null=True, unique=False)),
            ],
            options={'table': 'mails', 'app': 'models', 'unique_together': (('tenant_id', 'kind', 'about_id'),), 'pk_attr': 'id', 'table_description': "One mail to one person: neither what it says nor a token. `about_id` is what it is about, and with `kind` makes it the only one. `locale` is the account's, or empty. Kept for 30 days."},
            bases=['TenantRow'],
        ),
        ops.CreateModel(
            name='MailPreference',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('tenant_id', fields.UUIDField()),
                ('account_id', fields.UUIDField()),
                ('kind', fields.CharEnumField(description='EMAIL_VERIFICATION: EMAIL_VERIFICATION\nPASSWORD_RESET: PASSWORD_RESET\nEMAIL_CHANGE: EMAIL_CHANGE\nEMAIL_CHANGE_NOTICE: EMAIL_CHANGE_NOTICE\nEMAIL_CHANGED: EMAIL_CHANGED\nPASSWORD_CHANGED: PASSWORD_CHANGED\nINVITATION: INVITATION\nSIGN_IN_ALERT: SIGN_IN_ALERT\nAPPLICATION_APPROVED: APPLICATION_APPROVED\nAPPLICATION_REFUSED: APPLICATION_REFUSED', enum_type=MailKind, max_length=32)),
                ('off_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'mail_preferences', 'app': 'models', 'unique_together': (('tenant_id', 'account_id', 'kind'),), 'pk_attr': 'id', 'table_description': 'A kind of mail that an account does not want, since `off_at`. No row: it gets them.'},
            bases=['TenantRow'],
        ),
        ops.RunSQL(
            tenant_table("mails")
            + tenant_table("mail_preferences")
            + reference("mails", "account_id", "accounts")
            + reference("mail_preferences", "account_id", "accounts", index=False)
            + one_of("mails", "kind", *KINDS)
            + one_of("mail_preferences", "kind", *KINDS)
            + one_of("mails", "state", "QUEUED", "SENT", "FAILED", "DROPPED")
            + check("mails", "sent", "(state = 'SENT') = (sent_at IS NOT NULL)")
            + "CREATE INDEX mails_created_at ON mails (created_at);"
            # The sweep sees what is old, and of it when it was made.
            + "CREATE POLICY sweep ON mails TO lms_system USING (created_at < now() - interval '30 days'); GRANT SELECT (created_at), DELETE ON mails TO lms_system;"
        ),
    ]
