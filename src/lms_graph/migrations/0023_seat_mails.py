"""Mails about seats and gifts that wait for the owner of an address."""

from tortoise import migrations
from tortoise.migrations import operations as ops
from lms_graph.models.ddl import one_of
from lms_graph.models.notifications import MailKind
from tortoise import fields

KINDS = (
    "EMAIL_VERIFICATION", "PASSWORD_RESET", "EMAIL_CHANGE", "EMAIL_CHANGE_NOTICE", "EMAIL_CHANGED", "PASSWORD_CHANGED", "INVITATION", "SIGN_IN_ALERT", "APPLICATION_APPROVED",
    "APPLICATION_REFUSED", "ENROLLMENT", "RECEIPT", "PURCHASE_CLAIM", "PAYMENT_FAILED", "REFUND", "PAYOUT", "SEAT",
)


class Migration(migrations.Migration):
    dependencies = [('models', '0022_prices')]

    initial = False

    operations = [
        ops.AlterModelOptions(
            name='Mail',
            options={'table': 'mails', 'app': 'models', 'unique_together': (('tenant_id', 'kind', 'about_id'),), 'pk_attr': 'id', 'table_description': "One mail to one person, who has an account or is a guest that bought or was given something: neither what it says nor a token. `about_id` is what it is about, and with `kind` makes it the only one. `locale` is the account's, or empty. Kept for 30 days."},
        ),
        ops.AlterField(
            model_name='Mail',
            name='kind',
            field=fields.CharEnumField(description='EMAIL_VERIFICATION: EMAIL_VERIFICATION\nPASSWORD_RESET: PASSWORD_RESET\nEMAIL_CHANGE: EMAIL_CHANGE\nEMAIL_CHANGE_NOTICE: EMAIL_CHANGE_NOTICE\nEMAIL_CHANGED: EMAIL_CHANGED\nPASSWORD_CHANGED: PASSWORD_CHANGED\nINVITATION: INVITATION\nSIGN_IN_ALERT: SIGN_IN_ALERT\nAPPLICATION_APPROVED: APPLICATION_APPROVED\nAPPLICATION_REFUSED: APPLICATION_REFUSED\nENROLLMENT: ENROLLMENT\nRECEIPT: RECEIPT\nPURCHASE_CLAIM: PURCHASE_CLAIM\nPAYMENT_FAILED: PAYMENT_FAILED\nREFUND: REFUND\nPAYOUT: PAYOUT\nSEAT: SEAT', enum_type=MailKind, max_length=32),
        ),
        ops.AlterField(
            model_name='MailPreference',
            name='kind',
            field=fields.CharEnumField(description='EMAIL_VERIFICATION: EMAIL_VERIFICATION\nPASSWORD_RESET: PASSWORD_RESET\nEMAIL_CHANGE: EMAIL_CHANGE\nEMAIL_CHANGE_NOTICE: EMAIL_CHANGE_NOTICE\nEMAIL_CHANGED: EMAIL_CHANGED\nPASSWORD_CHANGED: PASSWORD_CHANGED\nINVITATION: INVITATION\nSIGN_IN_ALERT: SIGN_IN_ALERT\nAPPLICATION_APPROVED: APPLICATION_APPROVED\nAPPLICATION_REFUSED: APPLICATION_REFUSED\nENROLLMENT: ENROLLMENT\nRECEIPT: RECEIPT\nPURCHASE_CLAIM: PURCHASE_CLAIM\nPAYMENT_FAILED: PAYMENT_FAILED\nREFUND: REFUND\nPAYOUT: PAYOUT\nSEAT: SEAT', enum_type=MailKind, max_length=32),
        ),
        ops.RunSQL(
            "ALTER TABLE mails DROP CONSTRAINT mails_kind_check; ALTER TABLE mail_preferences DROP CONSTRAINT mail_preferences_kind_check;"
            + one_of("mails", "kind", *KINDS)
            + one_of("mail_preferences", "kind", *KINDS)
        ),
    ]
