"""What learners say of courses, in public."""

from tortoise import fields

from lms_graph.models.base import TenantRow


class Review(TenantRow):
    """What a learner says of a course: one of each. `enrollment_id` is the run by which they may say it. A hidden one counts nowhere."""

    course_id = fields.UUIDField()
    account_id = fields.UUIDField()
    enrollment_id = fields.UUIDField(null=True)
    rating = fields.SmallIntField()
    body = fields.TextField(default="")
    created_at = fields.DatetimeField()
    edited_at = fields.DatetimeField(null=True)
    hidden_at = fields.DatetimeField(null=True)
    hidden_reason = fields.CharField(300, null=True)
    reply_body = fields.TextField(null=True)
    reply_account_id = fields.UUIDField(null=True)
    reply_created_at = fields.DatetimeField(null=True)
    reply_edited_at = fields.DatetimeField(null=True)

    class Meta:
        table = "reviews"
        unique_together = (("tenant_id", "course_id", "account_id"),)


class CourseRating(TenantRow):
    """How many shown reviews of a course give each rating. Changed in the transaction that changes the review."""

    course_id = fields.UUIDField()
    ones = fields.IntField(default=0)
    twos = fields.IntField(default=0)
    threes = fields.IntField(default=0)
    fours = fields.IntField(default=0)
    fives = fields.IntField(default=0)

    class Meta:
        table = "course_ratings"
        unique_together = (("tenant_id", "course_id"),)
