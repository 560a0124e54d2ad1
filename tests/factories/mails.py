"""Facts that mails follow from, and mails as they arrived."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from pathlib import Path
from typing import Any
from uuid import UUID

from lms_graph.domain.identity import events
from lms_graph.domain.identity.operations import challenges
from lms_graph.jobs.relay import Relay
from lms_graph.kit.caller import Caller
from lms_graph.models import database
from lms_graph.models.identity import ChallengeKind
from lms_graph.models.notifications import Mail
from lms_graph.outbox.store import Message
from lms_graph.outbox.unit_of_work import unit_of_work
from tests.factories.accounts import account, address
from tests.fixtures.callers import School
from tests.fixtures.house import House

FACTS = {
    ChallengeKind.EMAIL_VERIFICATION: "EmailVerificationRequested",
    ChallengeKind.PASSWORD_RESET: "PasswordResetRequested",
    ChallengeKind.EMAIL_CHANGE: "EmailChangeRequested",
    ChallengeKind.INVITATION: "MemberInvited",
}


@dataclass(frozen=True)
class Asked:
    """Somebody who is to get a link: the account's address, and the one that the link goes to."""

    account_id: UUID
    own: str
    email: str
    challenge_id: UUID


async def tell(caller: Caller, name: str, **payload: Any) -> None:
    """Record a fact of identity, by its name."""
    async with unit_of_work(caller) as work:
        work.record(getattr(events, name)(**payload))


async def asked(school: School, kind: ChallengeKind = ChallengeKind.PASSWORD_RESET, *, name: str = "Ada Example", life: timedelta = timedelta(hours=1), told: bool = True) -> Asked:
    """An account with a challenge, and the fact that its link is to be mailed."""
    own = address()
    email = address() if kind == ChallengeKind.EMAIL_CHANGE else own
    account_id = await account(school.system, email=own, name=name)
    challenge_id = await challenges.pose(caller=school.system, account_id=account_id, kind=kind, email=email, life=life)
    if told:
        more = {"inviter_id": None} if kind == ChallengeKind.INVITATION else {}
        await tell(school.system, FACTS[kind], challenge_id=challenge_id, account_id=account_id, **more)
    return Asked(account_id, own, email, challenge_id)


async def due(house: House, school: School) -> list[Message]:
    """What is due for the school."""
    waiting: list[Message] = []
    await Relay(live=house.adapters.live, answers=house.adapters.answers, send=waiting.append, resend_after=0.5, sweep_every=1).drain()
    return sorted((message for message in waiting if message.delivery.tenant_id == school.id), key=lambda message: message.reaction)


async def mails(school: School) -> list[Mail]:
    """The school's rows, oldest first."""
    async with unit_of_work(school.system):
        return await Mail.for_caller(school.system).order_by("created_at", "id")


async def deliveries(school: School) -> list[tuple[str, str]]:
    """The school's deliveries of mails: reaction and state."""
    async with database.reading(school.system):
        rows = await database.fetch("SELECT reaction, state FROM deliveries WHERE tenant_id = $1 AND reaction LIKE 'notifications.%' ORDER BY reaction, id", school.id)
    return [(row["reaction"].removeprefix("notifications."), row["state"]) for row in rows]


class Inbox:
    """The mailbox of this run."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def of(self, address: str) -> list[EmailMessage]:
        """What arrived for this address, oldest first."""
        return [mail for _, mail in self.named(lambda mail: mail["To"].addresses[0].addr_spec == address)]

    def named(self, wanted: Callable[[EmailMessage], bool]) -> list[tuple[str, EmailMessage]]:
        """Mails with the names of their files."""
        found = []
        for path in sorted(self._folder.glob("*.eml")):
            with suppress(FileNotFoundError):  # the mailbox keeps the newest; other tests' mails push old ones out meanwhile
                found.append((path.stem, BytesParser(EmailMessage, policy=policy.default).parsebytes(path.read_bytes())))
        return [(name, mail) for name, mail in found if wanted(mail)]


def part(mail: EmailMessage, kind: str = "plain") -> str:
    body = mail.get_body((kind,))
    assert body is not None
    text: str = body.get_content()
    return text.replace("\r\n", "\n")
