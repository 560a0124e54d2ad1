"""Mails that were written, and who wants which."""

from enum import StrEnum

from tortoise import fields

from lms_graph.models.base import TenantRow


class MailKind(StrEnum):
    EMAIL_VERIFICATION = "EMAIL_VERIFICATION"
    PASSWORD_RESET = "PASSWORD_RESET"
    EMAIL_CHANGE = "EMAIL_CHANGE"
    EMAIL_CHANGE_NOTICE = "EMAIL_CHANGE_NOTICE"
    EMAIL_CHANGED = "EMAIL_CHANGED"
    PASSWORD_CHANGED = "PASSWORD_CHANGED"
    INVITATION = "INVITATION"
    SIGN_IN_ALERT = "SIGN_IN_ALERT"
    APPLICATION_APPROVED = "APPLICATION_APPROVED"
    APPLICATION_REFUSED = "APPLICATION_REFUSED"
    ENROLLMENT = "ENROLLMENT"
    RECEIPT = "RECEIPT"
    PURCHASE_CLAIM = "PURCHASE_CLAIM"
    PAYMENT_FAILED = "PAYMENT_FAILED"
    REFUND = "REFUND"
    PAYOUT = "PAYOUT"
    SEAT = "SEAT"


class MailState(StrEnum):
    QUEUED = "QUEUED"
    SENT = "SENT"
    FAILED = "FAILED"
    DROPPED = "DROPPED"


class Mail(TenantRow):
    """One mail to one person, who has an account or is a guest that bought or was given something: neither what it says nor a token. `about_id` is what it is about, and with `kind` makes it the only one. `locale` is the account's, or empty. Kept for 30 days."""

    account_id = fields.UUIDField(null=True)
    kind = fields.CharEnumField(MailKind, max_length=32)
    about_id = fields.UUIDField()
    email = fields.CharField(254)
    locale = fields.CharField(35)
    state = fields.CharEnumField(MailState, max_length=16, default=MailState.QUEUED)
    created_at = fields.DatetimeField()
    sent_at = fields.DatetimeField(null=True)
    provider_id = fields.CharField(200, null=True)
    error = fields.TextField(null=True)

    class Meta:
        table = "mails"
        unique_together = (("tenant_id", "kind", "about_id"),)


class MailPreference(TenantRow):
    """A kind of mail that an account does not want, since `off_at`. No row: it gets them."""

    account_id = fields.UUIDField()
    kind = fields.CharEnumField(MailKind, max_length=32)
    off_at = fields.DatetimeField()

    class Meta:
        table = "mail_preferences"
        unique_together = (("tenant_id", "account_id", "kind"),)
