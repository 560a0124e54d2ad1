"""What can keep an attempt from going on."""

from uuid import UUID

from lms_graph.kit.errors import Conflict, LimitReached


class AttemptClosed(Conflict):
    """The attempt was handed in: no answer is taken any more."""

    code = "ATTEMPT_CLOSED"


class AttemptOverdue(AttemptClosed):
    """The deadline has passed and nobody has closed the attempt yet: whoever meets this closes it with what was saved."""


class AttemptsUsedUp(LimitReached):
    """As many attempts were started as the quiz allows. `overdue_id` is the last of them, where its time is over and nobody has handed it in yet."""

    def __init__(self, maximum: int, *, overdue_id: UUID | None = None) -> None:
        super().__init__(f"All {maximum} attempts at this quiz are used up." if maximum > 1 else "The one attempt at this quiz is used up.")
        self.maximum = maximum
        self.overdue_id = overdue_id
