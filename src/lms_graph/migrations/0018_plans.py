"""What plans keep beside the provider's state, what is asked of them, and the months of all-access."""

from tortoise import migrations
from tortoise.migrations import operations as ops
from lms_graph.kit.ids import new_id
from lms_graph.models.ddl import check, one_of, reference, tenant_table
from lms_graph.models.commerce import RequestKind, RequestState
from orjson import loads
from tortoise.fields.data import JSON_DUMPS
from tortoise import fields

_SQL = (
    tenant_table("subscription_requests", app="SELECT, INSERT, UPDATE")
    + tenant_table("access_pools", app="SELECT, INSERT, UPDATE")
    + one_of("subscription_requests", "kind", "CANCEL", "PAUSE", "RESUME", "CHANGE")
    + one_of("subscription_requests", "state", "PENDING", "DONE", "REFUSED")
    + check("subscription_requests", "change", "(kind = 'CHANGE') = (offer_id IS NOT NULL AND amount IS NOT NULL) AND (amount IS NULL OR amount >= 0)")
    + check("subscription_requests", "settled", "(state = 'PENDING') = (settled_at IS NULL)")
    + check("access_pools", "period", "period_start < period_end AND period_end <= closes_at")
    + reference("subscription_requests", "subscription_id", "subscriptions")
    + reference("subscription_requests", "offer_id", "offers")
    + reference("subscription_requests", "requested_by_account_id", "accounts")
    + """
    CREATE UNIQUE INDEX subscriptions_order ON subscriptions (tenant_id, first_order_id); -- one sale, one plan
    CREATE UNIQUE INDEX subscription_requests_pending ON subscription_requests (tenant_id, subscription_id) WHERE state = 'PENDING';
    CREATE INDEX subscriptions_of_status ON subscriptions (tenant_id, status, created_at, id);
    DROP INDEX subscriptions_first_order_id;
"""
)


class Migration(migrations.Migration):
    dependencies = [('models', '0014_ledger')]

    initial = False

    operations = [
        ops.CreateModel(
            name='AccessPool',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('tenant_id', fields.UUIDField()),
                ('period_start', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('period_end', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('closes_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('closed_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ('watched', fields.JSONField(default=dict, encoder=JSON_DUMPS, decoder=loads)),
                ('created_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'access_pools', 'app': 'models', 'unique_together': (('tenant_id', 'period_start'),), 'pk_attr': 'id', 'table_description': 'A calendar month (UTC) in which all-access was paid for. At its close the money is divided by what was watched: `watched` holds the seconds by course, as they were counted then.'},
            bases=['TenantRow'],
        ),
        ops.CreateModel(
            name='SubscriptionRequest',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('tenant_id', fields.UUIDField()),
                ('subscription_id', fields.UUIDField()),
                ('kind', fields.CharEnumField(description='CANCEL: CANCEL\nPAUSE: PAUSE\nRESUME: RESUME\nCHANGE: CHANGE', enum_type=RequestKind, max_length=8)),
                ('state', fields.CharEnumField(default=RequestState.PENDING, description='PENDING: PENDING\nDONE: DONE\nREFUSED: REFUSED', enum_type=RequestState, max_length=8)),
                ('at_period_end', fields.BooleanField(default=True)),
                ('resumes_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ('offer_id', fields.UUIDField(null=True)),
                ('amount', fields.BigIntField(null=True)),
                ('prorated_amount', fields.BigIntField(null=True)),
                ('terms', fields.JSONField(default=dict, encoder=JSON_DUMPS, decoder=loads)),
                ('failure_code', fields.CharField(null=True, max_length=60)),
                ('failure_message', fields.CharField(null=True, max_length=500)),
                ('requested_by_account_id', fields.UUIDField(null=True)),
                ('created_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('settled_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'subscription_requests', 'app': 'models', 'pk_attr': 'id', 'table_description': 'What is to be done with a plan at the provider: reserved here first, then asked there, then settled. At most one of a plan is PENDING.'},
            bases=['TenantRow'],
        ),
        ops.AddField(
            model_name='Subscription',
            name='ended_at',
            field=fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
        ),
        ops.AddField(
            model_name='Subscription',
            name='paid_until',
            field=fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
        ),
        ops.AddField(
            model_name='Subscription',
            name='revision',
            field=fields.IntField(default=0, db_default=0),
        ),
        ops.AddField(
            model_name='Subscription',
            name='sweep_at',
            field=fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
        ),
        ops.AddField(
            model_name='Subscription',
            name='withdrawn_at',
            field=fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
        ),
        ops.RunSQL(_SQL),
    ]
