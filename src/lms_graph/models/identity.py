"""Accounts of a tenant, their roles, sessions and tokens, the public pages of instructors, and those who apply to be one."""

from enum import StrEnum

from tortoise import fields

from lms_graph.models.base import TenantRow, TextArrayField


class AccountStatus(StrEnum):
    ACTIVE = "ACTIVE"
    SUSPENDED = "SUSPENDED"
    ERASED = "ERASED"


class Role(StrEnum):
    PLATFORM_ADMIN = "PLATFORM_ADMIN"
    TENANT_ADMIN = "TENANT_ADMIN"
    INSTRUCTOR = "INSTRUCTOR"
    APPLICANT = "APPLICANT"
    SUPPORT = "SUPPORT"
    STUDENT = "STUDENT"


class ApplicationStatus(StrEnum):
    PENDING = "PENDING"
    APPROVED = "APPROVED"
    REFUSED = "REFUSED"
    WITHDRAWN = "WITHDRAWN"


class TokenKind(StrEnum):
    ACCESS = "ACCESS"
    REFRESH = "REFRESH"


class ChallengeKind(StrEnum):
    EMAIL_VERIFICATION = "EMAIL_VERIFICATION"
    PASSWORD_RESET = "PASSWORD_RESET"
    EMAIL_CHANGE = "EMAIL_CHANGE"
    INVITATION = "INVITATION"


class Account(TenantRow):
    """A person in one tenant. The same address in two tenants is two accounts."""

    email = fields.CharField(254)
    email_key = fields.CharField(254)
    name = fields.CharField(200)
    avatar_file_id = fields.UUIDField(null=True)
    password_hash = fields.CharField(255, null=True)
    email_verified_at = fields.DatetimeField(null=True)
    locale = fields.CharField(35, null=True)
    status = fields.CharEnumField(AccountStatus, max_length=16, default=AccountStatus.ACTIVE)
    suspended_at = fields.DatetimeField(null=True)
    suspension_reason = fields.CharField(1000, null=True)
    created_at = fields.DatetimeField(auto_now_add=True)

    class Meta:
        table = "accounts"
        unique_together = (("tenant_id", "email_key"),)


class AccountRole(TenantRow):
    """A role that an account holds in the whole tenant."""

    account_id = fields.UUIDField()
    role = fields.CharEnumField(Role, max_length=32)
    granted_at = fields.DatetimeField(auto_now_add=True)

    class Meta:
        table = "account_roles"
        unique_together = (("tenant_id", "account_id", "role"),)


class Session(TenantRow):
    """One sign-in on one device. Its tokens rotate; ending it ends them all."""

    account_id = fields.UUIDField()
    created_at = fields.DatetimeField()
    last_seen_at = fields.DatetimeField()
    expires_at = fields.DatetimeField()
    ip_address = fields.CharField(45, null=True)
    user_agent = fields.CharField(400, null=True)
    revoked_at = fields.DatetimeField(null=True)
    revoked_reason = fields.CharField(32, null=True)

    class Meta:
        table = "sessions"


class SessionToken(TenantRow):
    """An access or refresh token of a session; only its SHA-256 is kept. A refresh token is used once."""

    session_id = fields.UUIDField()
    kind = fields.CharEnumField(TokenKind, max_length=16)
    token_hash = fields.BinaryField()
    created_at = fields.DatetimeField()
    expires_at = fields.DatetimeField()
    used_at = fields.DatetimeField(null=True)

    class Meta:
        table = "session_tokens"


class Challenge(TenantRow):
    """What a link in a mail proves: that who follows it reads the mail of this address. Used once. The link's token is made of the id and `salt` under the deployment's key, and never stored."""

    account_id = fields.UUIDField()
    kind = fields.CharEnumField(ChallengeKind, max_length=24)
    email = fields.CharField(254)
    salt = fields.BinaryField()
    created_at = fields.DatetimeField()
    expires_at = fields.DatetimeField()
    used_at = fields.DatetimeField(null=True)

    class Meta:
        table = "challenges"


class Instructor(TenantRow):
    """The public page of an account that teaches. `id` is the account's."""

    slug = fields.CharField(80)
    headline = fields.CharField(200, null=True)
    bio_markdown = fields.TextField(default="")
    bio_html = fields.TextField(default="")
    created_at = fields.DatetimeField(auto_now_add=True)

    class Meta:
        table = "instructors"
        unique_together = (("tenant_id", "slug"),)


class InstructorApplication(TenantRow):
    """Somebody's wish to teach, and what became of it; at most one of an account is pending. `slug`, `headline` and `bio_markdown` are what their page is to say."""

    account_id = fields.UUIDField()
    motivation = fields.TextField()
    links = TextArrayField(default=list)
    slug = fields.CharField(80, null=True)
    headline = fields.CharField(200, null=True)
    bio_markdown = fields.TextField(default="")
    status = fields.CharEnumField(ApplicationStatus, max_length=16, default=ApplicationStatus.PENDING)
    reason = fields.CharField(2000, null=True)
    decided_by = fields.UUIDField(null=True)
    applied_at = fields.DatetimeField()
    decided_at = fields.DatetimeField(null=True)

    class Meta:
        table = "instructor_applications"
