"""Facts waiting to be told, their deliveries, the audit log, and the outcomes kept for repeated requests."""

from enum import StrEnum

from tortoise import fields

from lms_graph.models.base import TenantRow


class DeliveryState(StrEnum):
    PENDING = "PENDING"
    SENT = "SENT"
    DONE = "DONE"
    BURIED = "BURIED"


class Fact(TenantRow):
    """Something that happened, written in the transaction that made it so. `position` is its place in the feed, given by the relay after commit."""

    position = fields.BigIntField(null=True)
    name = fields.CharField(64)
    version = fields.IntField()
    aggregate_id = fields.UUIDField()
    sequence = fields.IntField()
    payload = fields.JSONField()
    account_id = fields.UUIDField(null=True)
    recorded_at = fields.DatetimeField()

    class Meta:
        table = "facts"
        unique_together = (("tenant_id", "aggregate_id", "sequence"),)


class Aggregate(TenantRow):
    """The last sequence of the facts about one aggregate. `id` is the aggregate's."""

    last_sequence = fields.IntField()

    class Meta:
        table = "aggregates"


class Delivery(TenantRow):
    """What one reaction owes to one fact: pending → sent → done. `done` commits with the effect."""

    fact_id = fields.UUIDField()
    reaction = fields.CharField(100)
    state = fields.CharEnumField(DeliveryState, max_length=16, default=DeliveryState.PENDING)
    attempts = fields.IntField(default=0)
    due_at = fields.DatetimeField()
    done_at = fields.DatetimeField(null=True)
    error = fields.TextField(null=True)

    class Meta:
        table = "deliveries"
        unique_together = (("tenant_id", "fact_id", "reaction"),)


class AuditEntry(TenantRow):
    """Who changed rights or money, and from where. Written with the change, and never changed itself. `action` is the fact's name; `subject` the public id of what it is about."""

    at = fields.DatetimeField()
    account_id = fields.UUIDField(null=True)
    api_key_id = fields.UUIDField(null=True)
    impersonator_id = fields.UUIDField(null=True)
    is_system = fields.BooleanField(default=False, db_default=False)
    action = fields.CharField(64)
    subject = fields.CharField(40)
    details = fields.JSONField()
    ip_address = fields.CharField(45, null=True)

    class Meta:
        table = "audit_entries"


class IdempotencyKey(TenantRow):
    """The outcome of a request that carried a key: a repeat answers the same."""

    scope = fields.CharField(80)
    field = fields.CharField(64)
    key = fields.CharField(255)
    body_sha256 = fields.CharField(64)
    outcome = fields.JSONField(null=True)
    created_at = fields.DatetimeField()

    class Meta:
        table = "idempotency_keys"
        unique_together = (("tenant_id", "scope", "field", "key"),)
