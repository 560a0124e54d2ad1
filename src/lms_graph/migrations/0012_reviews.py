"""Reviews of courses, the numbers that they come to, and the catalog's copy of those."""

from tortoise import migrations
from tortoise.migrations import operations as ops
from lms_graph.kit.ids import new_id
from lms_graph.models.ddl import check, reference, tenant_table
from tortoise import fields

class Migration(migrations.Migration):
    dependencies = [('models', '0011_commerce')]

    initial = False

    operations = [
        ops.CreateModel(
            name='CourseRating',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('tenant_id', fields.UUIDField()),
                ('course_id', fields.UUIDField()),
                ('ones', fields.IntField(default=0)),
                ('twos', fields.IntField(default=0)),
                ('threes', fields.IntField(default=0)),
                ('fours', fields.IntField(default=0)),
                ('fives', fields.IntField(default=0)),
            ],
            options={'table': 'course_ratings', 'app': 'models', 'unique_together': (('tenant_id', 'course_id'),), 'pk_attr': 'id', 'table_description': 'How many shown reviews of a course give each rating. Changed in the transaction that changes the review.'},
            bases=['TenantRow'],
        ),
        ops.CreateModel(
            name='Review',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('tenant_id', fields.UUIDField()),
                ('course_id', fields.UUIDField()),
                ('account_id', fields.UUIDField()),
                ('enrollment_id', fields.UUIDField(null=True)),
                ('rating', fields.SmallIntField()),
                ('body', fields.TextField(default='', unique=False)),
                ('created_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('edited_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ('hidden_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ('hidden_reason', fields.CharField(null=True, max_length=300)),
                ('reply_body', fields.TextField(null=True, unique=False)),
                ('reply_account_id', fields.UUIDField(null=True)),
                ('reply_created_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ('reply_edited_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'reviews', 'app': 'models', 'unique_together': (('tenant_id', 'course_id', 'account_id'),), 'pk_attr': 'id', 'table_description': 'What a learner says of a course: one of each. `enrollment_id` is the run by which they may say it. A hidden one counts nowhere.'},
            bases=['TenantRow'],
        ),
        ops.AddField(
            model_name='Course',
            name='rating_count',
            field=fields.IntField(default=0, db_default=0),
        ),
        ops.AddField(
            model_name='Course',
            name='rating_hundredths',
            field=fields.IntField(default=0, db_default=0),
        ),
        ops.RunSQL(
            tenant_table("reviews")
            + tenant_table("course_ratings")
            + check("reviews", "rating", "rating BETWEEN 1 AND 5")
            + check("reviews", "hidden", "(hidden_at IS NULL) = (hidden_reason IS NULL)")
            + check("reviews", "reply", "(reply_body IS NULL) = (reply_created_at IS NULL) AND (reply_body IS NOT NULL OR (reply_account_id IS NULL AND reply_edited_at IS NULL))")
            + check("course_ratings", "counts", "least(ones, twos, threes, fours, fives) >= 0")
            + reference("reviews", "course_id", "courses", index=False)
            + reference("reviews", "account_id", "accounts")
            + reference("reviews", "enrollment_id", "enrollments")
            + reference("reviews", "reply_account_id", "accounts")
            + reference("course_ratings", "course_id", "courses", index=False)
            + """
            CREATE INDEX reviews_page ON reviews (tenant_id, created_at, id);
            CREATE INDEX reviews_hidden ON reviews (tenant_id, created_at, id) WHERE hidden_at IS NOT NULL;
            CREATE INDEX reviews_of_course ON reviews (tenant_id, course_id, created_at, id);
            CREATE INDEX reviews_by_rating ON reviews (tenant_id, course_id, rating, created_at, id) WHERE hidden_at IS NULL;
            CREATE INDEX courses_by_rating ON courses (tenant_id, rating_hundredths, id) WHERE status = 'PUBLISHED';
            """
        ),
    ]
