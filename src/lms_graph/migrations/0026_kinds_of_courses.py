"""What facets count, in an index: rows of courses are wide, and each answer with facets would read them all."""

from tortoise import migrations
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [('models', '0025_premium_offers')]

    initial = False

    operations = [
        ops.RunSQL(
            """
            CREATE INDEX courses_by_kind ON courses USING btree (tenant_id)
                INCLUDE (category_id, level, duration_seconds, rating_count, rating_hundredths, enrollment_policy, is_sold) WHERE status = 'PUBLISHED'
            """,
            "DROP INDEX courses_by_kind",
        ),
    ]
