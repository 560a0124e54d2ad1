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


class SessionKind(StrEnum):
    SIGN_IN = "SIGN_IN"
    EXPLORER = "EXPLORER"
    IMPERSONATION = "IMPERSONATION"


class ApplicationStatus(StrEnum):
    PENDING = "PENDING"
    APPROVED = "APPROVED"
    REFUSED = "REFUSED"
    WITHDRAWN = "WITHDRAWN"


class TokenKind(StrEnum):
    ACCESS = "ACCESS"
    REFRESH = "REFRESH"


class ApiKeyKind(StrEnum):
    SECRET = "SECRET"
    PUBLISHABLE = "PUBLISHABLE"


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
    """One sign-in on one device. Its tokens rotate; ending it ends them all, and the sessions that were opened out of it (`opener_id`): those of explorers and impersonations."""

    account_id = fields.UUIDField()
    kind = fields.CharEnumField(SessionKind, max_length=16, default=SessionKind.SIGN_IN, db_default=SessionKind.SIGN_IN.value)
    is_read_only = fields.BooleanField(default=False, db_default=False)
    is_masked = fields.BooleanField(default=False, db_default=False)
    opener_id = fields.UUIDField(null=True)
    impersonator_id = fields.UUIDField(null=True)
    created_at = fields.DatetimeField()
    last_seen_at = fields.DatetimeField()
    expires_at = fields.DatetimeField()
    ip_address = fields.CharField(45, null=True)
    user_agent = fields.CharField(400, null=True)
    network = fields.CharField(64, null=True)
    agent = fields.CharField(200, null=True)
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


class ApiKey(TenantRow):
    """A key for programs, made by an account; only its SHA-256 is kept. What a secret one may do is what both its scopes and its maker's present rights allow; a publishable one has none."""

    name = fields.CharField(100)
    kind = fields.CharEnumField(ApiKeyKind, max_length=16)
    scopes = TextArrayField()
    key_hash = fields.BinaryField()
    last_four = fields.CharField(4)
    account_id = fields.UUIDField()
    created_at = fields.DatetimeField()
    expires_at = fields.DatetimeField(null=True)
    last_used_at = fields.DatetimeField(null=True)
    revoked_at = fields.DatetimeField(null=True)

    class Meta:
        table = "api_keys"


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


class LinkRequest(TenantRow):
    """Somebody has asked for a mail with a link, for an address that may or may not be an account's: a job looks it up and drops the row. So asking takes as long for either."""

    kind = fields.CharEnumField(ChallengeKind, max_length=24)
    email_key = fields.CharField(254)
    created_at = fields.DatetimeField()

    class Meta:
        table = "link_requests"


class TotpDevice(TenantRow):
    """An account's authenticator app: its secret, sealed, and the last time step whose code was used. On from `confirmed_at`."""

    account_id = fields.UUIDField()
    sealed_secret = fields.BinaryField()
    created_at = fields.DatetimeField()
    confirmed_at = fields.DatetimeField(null=True)
    last_step = fields.BigIntField(null=True)

    class Meta:
        table = "totp_devices"
        unique_together = (("tenant_id", "account_id"),)


class RecoveryCode(TenantRow):
    """What gets in once in place of the authenticator app; only its SHA-256 is kept. A used one stays, until the codes are renewed."""

    account_id = fields.UUIDField()
    code_hash = fields.BinaryField()
    used_at = fields.DatetimeField(null=True)

    class Meta:
        table = "recovery_codes"
        unique_together = (("tenant_id", "account_id", "code_hash"),)


class SecondFactorToken(TenantRow):
    """A sign-in that has given the first factor and waits for the second; only its SHA-256 is kept. Dropped when it is used."""

    account_id = fields.UUIDField()
    token_hash = fields.BinaryField()
    network = fields.CharField(64)
    tries = fields.IntField(default=0)
    created_at = fields.DatetimeField()
    expires_at = fields.DatetimeField()

    class Meta:
        table = "second_factor_tokens"
        unique_together = (("tenant_id", "token_hash"),)


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


class SocialKind(StrEnum):
    GOOGLE = "GOOGLE"
    GITHUB = "GITHUB"


class IdentityProvider(TenantRow):
    """The tenant's own OpenID provider, whose tokens are taken. `updated_at` is its version: who came in under another one is let in anew."""

    issuer = fields.CharField(255)
    audience = TextArrayField()
    jwks_url = fields.CharField(1000)
    algorithms = TextArrayField()
    authorized_parties = TextArrayField()
    email_claim = fields.CharField(100, default="email")
    email_verified_claim = fields.CharField(100, default="email_verified")
    name_claim = fields.CharField(100, default="name")
    is_enabled = fields.BooleanField(default=True)
    created_at = fields.DatetimeField()
    updated_at = fields.DatetimeField()

    class Meta:
        table = "identity_providers"


class SocialProvider(TenantRow):
    """The tenant's own app at Google or GitHub. The secret is sealed."""

    kind = fields.CharEnumField(SocialKind, max_length=16)
    client_id = fields.CharField(255)
    sealed_client_secret = fields.BinaryField()
    secret_last_four = fields.CharField(4)
    created_at = fields.DatetimeField()
    updated_at = fields.DatetimeField()

    class Meta:
        table = "social_providers"
        unique_together = (("tenant_id", "kind"),)


class ExternalIdentity(TenantRow):
    """Somebody as a provider knows them: the subject of an issuer. Whose account it is never follows from an address again."""

    account_id = fields.UUIDField()
    issuer = fields.CharField(255)
    subject = fields.CharField(255)
    created_at = fields.DatetimeField()

    class Meta:
        table = "external_identities"
        unique_together = (("tenant_id", "issuer", "subject"),)


class LoginAttempt(TenantRow):
    """A sign-in that has gone to Google or GitHub and is waited for. Used once. With an account it links, else it signs in."""

    kind = fields.CharEnumField(SocialKind, max_length=16)
    state_hash = fields.BinaryField()
    sealed = fields.BinaryField()
    redirect_uri = fields.CharField(1000)
    account_id = fields.UUIDField(null=True)
    created_at = fields.DatetimeField()
    expires_at = fields.DatetimeField()

    class Meta:
        table = "login_attempts"


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
