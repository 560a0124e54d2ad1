"""A payment that came in for an order that had been paid is RETURNED."""

from tortoise import migrations
from tortoise.migrations import operations as ops
from lms_graph.models.commerce import PaymentStatus
from lms_graph.models.ddl import one_of
from tortoise import fields


class Migration(migrations.Migration):
    dependencies = [('models', '0014_ledger'), ('models', '0019_seats')]

    initial = False

    operations = [
        ops.AlterModelOptions(
            name='Payment',
            options={'table': 'payments', 'app': 'models', 'pk_attr': 'id', 'table_description': 'Money that came in for an order, or did not. At most one of an order succeeds; what comes in for a paid one is RETURNED.'},
        ),
        ops.AlterField(
            model_name='Payment',
            name='status',
            field=fields.CharEnumField(description='PENDING: PENDING\nSUCCEEDED: SUCCEEDED\nFAILED: FAILED\nRETURNED: RETURNED', enum_type=PaymentStatus, max_length=16),
        ),
        ops.RunSQL("ALTER TABLE payments DROP CONSTRAINT payments_status_check;" + one_of("payments", "status", "PENDING", "SUCCEEDED", "FAILED", "RETURNED")),
    ]
