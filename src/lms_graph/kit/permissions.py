"""The words for rights. Which role holds which is identity's to say; a key's scopes are some of them. `policies` ask for them, and the schema shows them with `@requires`."""

from enum import StrEnum


class Permission(StrEnum):
    """One right in the caller's tenant. What a person may do with what is their own needs none."""

    TENANTS_MANAGE = "TENANTS_MANAGE"
    TENANT_MANAGE = "TENANT_MANAGE"
    MEMBERS_READ = "MEMBERS_READ"
    MEMBERS_MANAGE = "MEMBERS_MANAGE"
    MEMBERS_IMPERSONATE = "MEMBERS_IMPERSONATE"
    PERSONAL_READ = "PERSONAL_READ"
    APPLICATIONS_DECIDE = "APPLICATIONS_DECIDE"
    API_KEYS_MANAGE = "API_KEYS_MANAGE"
    AUDIT_READ = "AUDIT_READ"
    ENTITLEMENTS_READ = "ENTITLEMENTS_READ"
    ENTITLEMENTS_MANAGE = "ENTITLEMENTS_MANAGE"
    ENROLLMENTS_READ = "ENROLLMENTS_READ"
    COURSES_DRAFT = "COURSES_DRAFT"
    COURSES_SELL = "COURSES_SELL"
    COURSES_MANAGE = "COURSES_MANAGE"
    OFFERS_MANAGE = "OFFERS_MANAGE"
    ORDERS_READ = "ORDERS_READ"
    REFUNDS_DECIDE = "REFUNDS_DECIDE"
    SEATS_MANAGE = "SEATS_MANAGE"
    BUYERS_ERASE = "BUYERS_ERASE"
    PAYOUTS_MANAGE = "PAYOUTS_MANAGE"
    LEDGER_READ = "LEDGER_READ"
    REVIEWS_MODERATE = "REVIEWS_MODERATE"


ALL = frozenset(Permission)
