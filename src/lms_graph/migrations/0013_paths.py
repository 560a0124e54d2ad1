"""Learning paths: courses in an order."""

from tortoise import migrations
from tortoise.migrations import operations as ops
from lms_graph.kit.ids import new_id
from lms_graph.models.ddl import check, reference, tenant_table
from tortoise import fields

class Migration(migrations.Migration):
    dependencies = [('models', '0012_reviews')]

    initial = False

    operations = [
        ops.CreateModel(
            name='LearningPath',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('tenant_id', fields.UUIDField()),
                ('slug', fields.CharField(max_length=80)),
                ('title', fields.CharField(max_length=200)),
                ('description_markdown', fields.TextField(default='', unique=False)),
                ('description_html', fields.TextField(default='', unique=False)),
                ('published_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ('created_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('updated_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'paths', 'app': 'models', 'unique_together': (('tenant_id', 'slug'),), 'pk_attr': 'id', 'table_description': 'Several courses in an order, to be learned and sold as one. In the catalog while `published_at` is set.'},
            bases=['TenantRow'],
        ),
        ops.CreateModel(
            name='PathCourse',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('tenant_id', fields.UUIDField()),
                ('path_id', fields.UUIDField()),
                ('course_id', fields.UUIDField()),
                ('position', fields.IntField()),
                ('is_required', fields.BooleanField(default=True)),
            ],
            options={'table': 'path_courses', 'app': 'models', 'unique_together': (('tenant_id', 'path_id', 'course_id'), ('tenant_id', 'path_id', 'position')), 'pk_attr': 'id', 'table_description': 'A course as a path has it. `position` counts from 1.'},
            bases=['TenantRow'],
        ),
        ops.RunSQL(
            tenant_table("paths")
            + tenant_table("path_courses")
            + check("path_courses", "position", "position BETWEEN 1 AND 50")
            + reference("path_courses", "path_id", "paths", on_delete="CASCADE", index=False)
            + reference("path_courses", "course_id", "courses")
            + """
            CREATE INDEX paths_page ON paths (tenant_id, created_at, id);
            """
        ),
    ]
