"""What a tenant opens of its API: introspection, the explorer, and to which origins of browsers."""

from tortoise import migrations
from tortoise.migrations import operations as ops
from lms_graph.models.base import TextArrayField
from lms_graph.models.ddl import check
from tortoise.fields.db_defaults import SqlDefault
from tortoise import fields

class Migration(migrations.Migration):
    dependencies = [('models', '0001_initial')]

    initial = False

    operations = [
        ops.AddField(
            model_name='Tenant',
            name='allowed_origins',
            field=TextArrayField(db_default=SqlDefault("'{}'"), generated=False, null=False, unique=False),
        ),
        ops.AddField(
            model_name='Tenant',
            name='is_explorer_served',
            field=fields.BooleanField(db_default=False),
        ),
        ops.AddField(
            model_name='Tenant',
            name='is_introspection_open',
            field=fields.BooleanField(db_default=False),
        ),
        ops.RunSQL(
            check("tenants", "allowed_origins", "cardinality(allowed_origins) <= 50")
            + "CREATE INDEX tenants_allowed_origins ON tenants USING gin (allowed_origins);"
        ),
    ]
