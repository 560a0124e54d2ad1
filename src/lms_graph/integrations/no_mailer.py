"""Where no mail server is set: mails wait, and say so."""

from lms_graph.domain.notifications.ports import Message
from lms_graph.kit.errors import Unavailable

MEND = "set LMS_MAIL_URL and LMS_MAIL_FROM (docs/mail.md)"


class NoMailer:
    """Takes nothing, and never pretends to."""

    async def send(self, message: Message) -> str | None:
        raise Unavailable(f"No mail server is set, so this mail waits: {MEND}.")

    async def check(self) -> str:
        raise Unavailable("LMS_MAIL_URL is not set: mails wait, and are given up after half a day")
