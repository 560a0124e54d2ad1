"""Refunds that are granted at once, access while a payment is contested, and what became of a dispute's evidence and hold."""

from tortoise import migrations
from tortoise.migrations import operations as ops
from lms_graph.models.ddl import check
from tortoise import fields


class Migration(migrations.Migration):
    dependencies = [('models', '0019_seats')]

    initial = False

    operations = [
        ops.AddField(
            model_name='Dispute',
            name='evidence_problem',
            field=fields.CharField(null=True, max_length=500),
        ),
        ops.AddField(
            model_name='Dispute',
            name='is_held',
            field=fields.BooleanField(db_default=False),
        ),
        ops.AddField(
            model_name='Tenant',
            name='is_access_suspended_by_dispute',
            field=fields.BooleanField(db_default=False),
        ),
        ops.AddField(
            model_name='Tenant',
            name='is_refund_automatic',
            field=fields.BooleanField(db_default=False),
        ),
        ops.RunSQL(
            """
            CREATE UNIQUE INDEX refunds_requested_once ON refunds (tenant_id, order_id) WHERE status = 'REQUESTED'; -- a nervous buyer asks once
            CREATE INDEX disputes_of_status ON disputes (tenant_id, status, opened_at, id);
            """
            + check("disputes", "closed", "closed_at IS NULL OR status IN ('WON', 'LOST')")
        ),
    ]
