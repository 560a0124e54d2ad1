"""What courses cost by themselves, copied for the catalog to filter and sort by."""

from tortoise import fields, migrations
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [('models', '0021_invoices')]

    initial = False

    operations = [
        ops.AddField(
            model_name='Course',
            name='is_sold',
            field=fields.BooleanField(default=False, db_default=False),
        ),
        ops.AddField(
            model_name='Course',
            name='price_amount',
            field=fields.BigIntField(null=True),
        ),
    ]
