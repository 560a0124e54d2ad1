"""Quizzes, their immutable revisions, and sealed attempts."""

from enum import StrEnum

from tortoise import fields

from lms_graph.models.base import TenantRow


class QuestionKind(StrEnum):
    CHOICE = "CHOICE"
    TRUE_FALSE = "TRUE_FALSE"


class AttemptStatus(StrEnum):
    OPEN = "OPEN"
    SUBMITTED = "SUBMITTED"
    GRADED = "GRADED"


class SubmittedBy(StrEnum):
    LEARNER = "LEARNER"
    DEADLINE = "DEADLINE"


class Quiz(TenantRow):
    """The lasting identity of a quiz. It knows no lecture: whoever shows it keeps the link."""

    created_at = fields.DatetimeField(auto_now_add=True)

    class Meta:
        table = "quizzes"


class QuizRevision(TenantRow):
    """A quiz as it was at one time. Never changed once written."""

    quiz_id = fields.UUIDField()
    number = fields.IntField()
    title = fields.CharField(200)
    passing_score = fields.DecimalField(5, 2)
    time_limit_minutes = fields.IntField(null=True)
    max_attempts = fields.IntField(null=True)
    shuffle = fields.BooleanField(default=False)
    draw_count = fields.IntField(null=True)
    source_sha256 = fields.CharField(64)
    created_at = fields.DatetimeField(auto_now_add=True)

    class Meta:
        table = "quiz_revisions"
        unique_together = (("tenant_id", "quiz_id", "number"),)


class Question(TenantRow):
    """The lasting identity of a question."""

    quiz_id = fields.UUIDField()
    key = fields.CharField(80)

    class Meta:
        table = "questions"
        unique_together = (("tenant_id", "quiz_id", "key"),)


class QuestionRevision(TenantRow):
    """A question in a revision. `body` holds options and key in the shape of its kind: it never leaves the domain."""

    quiz_revision_id = fields.UUIDField()
    question_id = fields.UUIDField()
    position = fields.IntField()
    kind = fields.CharEnumField(QuestionKind, max_length=16)
    points = fields.DecimalField(8, 2)
    prompt_markdown = fields.TextField()
    prompt_html = fields.TextField()
    body = fields.JSONField()

    class Meta:
        table = "question_revisions"
        unique_together = (("tenant_id", "quiz_revision_id", "question_id"), ("tenant_id", "quiz_revision_id", "position"))


class Attempt(TenantRow):
    """A sitting: sealed at the start with its questions, order and deadline. `subject_id` is what it counts for (a run), `place_id` where it was opened (a lecture)."""

    quiz_id = fields.UUIDField()
    quiz_revision_id = fields.UUIDField()
    account_id = fields.UUIDField()
    subject_id = fields.UUIDField()
    place_id = fields.UUIDField()
    number = fields.IntField()
    status = fields.CharEnumField(AttemptStatus, max_length=16, default=AttemptStatus.OPEN)
    seed = fields.BigIntField()
    snapshot = fields.JSONField()
    started_at = fields.DatetimeField()
    deadline_at = fields.DatetimeField(null=True)
    submitted_at = fields.DatetimeField(null=True)
    submitted_by = fields.CharEnumField(SubmittedBy, max_length=16, null=True)
    earned_points = fields.DecimalField(10, 2, null=True)
    possible_points = fields.DecimalField(10, 2)
    score = fields.DecimalField(5, 2, null=True)
    passed = fields.BooleanField(null=True)
    graded_at = fields.DatetimeField(null=True)

    class Meta:
        table = "attempts"
        unique_together = (("tenant_id", "subject_id", "quiz_id", "number"),)


class AttemptAnswer(TenantRow):
    """The last saved answer to a question of an attempt, and what it earned once graded."""

    attempt_id = fields.UUIDField()
    question_id = fields.UUIDField()
    response = fields.JSONField(null=True)
    saved_at = fields.DatetimeField(null=True)
    earned_points = fields.DecimalField(8, 2, null=True)
    is_correct = fields.BooleanField(null=True)

    class Meta:
        table = "attempt_answers"
        unique_together = (("tenant_id", "attempt_id", "question_id"),)
