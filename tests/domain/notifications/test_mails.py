"""Mails that follow from facts: to whom, once, in which words; and those that are not sent."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from lms_graph.domain.identity.operations import challenges, sessions
from lms_graph.domain.notifications.operations import mails as operations
from lms_graph.domain.notifications.operations import preferences
from lms_graph.integrations.no_mailer import NoMailer
from lms_graph.integrations.smtp import SmtpMailer
from lms_graph.jobs import runtime
from lms_graph.models import database
from lms_graph.models.identity import Account, AccountStatus, ChallengeKind, InstructorApplication
from lms_graph.models.notifications import MailKind, MailState
from lms_graph.models.tenancy import Domain, Tenant
from lms_graph.outbox import store
from lms_graph.outbox.store import Message
from lms_graph.outbox.unit_of_work import unit_of_work
from tests.factories import mails as factory
from tests.factories.accounts import account, address
from tests.factories.mails import Inbox, part
from tests.fixtures.callers import School
from tests.fixtures.house import House
from tests.fixtures.mails import Crashing, Resend, carried_by

pytestmark = pytest.mark.anyio

Settle = Callable[[], Awaitable[list[str]]]


async def change(school: School, model: Any, id: UUID, **values: Any) -> None:
    async with unit_of_work(school.system):
        assert await model.for_caller(school.system, id=id).update(**values) == 1


async def run(house: House, message: Message, mailer: Any = None) -> None:
    adapters = carried_by(house.adapters, mailer) if mailer else house.adapters
    await runtime.run(adapters, message.reaction, message.delivery.tenant_id, message.delivery.id, message.payload)


class TestALink:
    @pytest.mark.parametrize("kind", ChallengeKind)
    async def test_goes_to_the_address_that_it_is_to_prove_and_can_be_followed(self, kind: ChallengeKind, school: School, house: House, settle: Settle, inbox: Inbox) -> None:
        asked = await factory.asked(school, kind)

        await settle()

        (mail,) = inbox.of(asked.email)
        (token,) = set(re.findall(r"\?token=(\S+)", part(mail)))
        redeemed = await challenges.redeem(caller=school.system, token=token, kinds=(kind,), secret_keys=house.adapters.secret_keys)
        assert redeemed["id"] == asked.challenge_id
        assert f"?token={token}" in part(mail, "html")
        assert {row.state for row in await factory.mails(school)} == {MailState.SENT}
        assert {state for _, state in await factory.deliveries(school)} == {"DONE"}

    async def test_is_below_the_primary_domain_where_there_is_one(self, school: School, settle: Settle, inbox: Inbox) -> None:
        async with unit_of_work(school.system):
            for host, is_primary in (("b.example", True), ("a.example", False)):
                await Domain.create(tenant_id=school.id, host=f"{school.slug}.{host}", is_primary=is_primary, status="VERIFIED")
        asked = await factory.asked(school)

        await settle()

        assert f"https://{school.slug}.b.example/account/reset?token=lnk_" in part(inbox.of(asked.email)[0])

    async def test_that_was_used_is_not_mailed(self, school: School, house: House, settle: Settle, inbox: Inbox) -> None:
        asked = await factory.asked(school)
        async with database.reading(school.system):
            row = await operations.challenge_queries.challenge_or_none(caller=school.system, challenge_id=asked.challenge_id)
        assert row
        token = challenges.token_of(row, house.adapters.secret_keys)
        await challenges.redeem(caller=school.system, token=token, kinds=(ChallengeKind.PASSWORD_RESET,), secret_keys=house.adapters.secret_keys)

        await settle()

        assert (inbox.of(asked.email), await factory.mails(school), await factory.deliveries(school)) == ([], [], [("mail_link", "DONE")])

    async def test_that_has_expired_is_not_mailed(self, school: School, settle: Settle, inbox: Inbox) -> None:
        asked = await factory.asked(school, life=timedelta(microseconds=1))

        await settle()

        assert (inbox.of(asked.email), await factory.mails(school)) == ([], [])

    async def test_that_was_replaced_is_not_mailed_and_the_new_one_is(self, school: School, settle: Settle, inbox: Inbox) -> None:
        asked = await factory.asked(school)
        again = await challenges.pose(caller=school.system, account_id=asked.account_id, kind=ChallengeKind.PASSWORD_RESET, email=asked.email, life=timedelta(hours=1))
        await factory.tell(school.system, "PasswordResetRequested", challenge_id=again, account_id=asked.account_id)

        await settle()

        assert [row.about_id for row in await factory.mails(school)] == [again]
        assert len(inbox.of(asked.email)) == 1

    async def test_that_expired_while_it_waited_stays_unsent(self, school: School, house: House, inbox: Inbox) -> None:
        asked = await factory.asked(school)
        (message,) = await factory.due(house, school)
        await run(house, message, NoMailer())
        await challenges.pose(caller=school.system, account_id=asked.account_id, kind=ChallengeKind.PASSWORD_RESET, email=asked.email, life=timedelta(hours=1))

        await run(house, message)

        assert [row.state for row in await factory.mails(school)] == [MailState.DROPPED]
        assert (inbox.of(asked.email), await factory.deliveries(school)) == ([], [("mail_link", "DONE")])

    @pytest.mark.parametrize("status", [AccountStatus.SUSPENDED, AccountStatus.ERASED])
    async def test_is_not_mailed_to_who_is_not_there_any_more(self, status: AccountStatus, school: School, settle: Settle, inbox: Inbox) -> None:
        asked = await factory.asked(school)
        await change(school, Account, asked.account_id, status=status)

        await settle()

        assert (inbox.of(asked.email), await factory.mails(school)) == ([], [])

    async def test_of_another_school_is_never_mailed(self, school: School, other_school: School, settle: Settle, inbox: Inbox) -> None:
        theirs = await factory.asked(other_school, told=False)
        await factory.tell(school.system, "PasswordResetRequested", challenge_id=theirs.challenge_id, account_id=theirs.account_id)
        await factory.tell(school.system, "PasswordChanged", account_id=theirs.account_id)
        session = await sessions.open_session(caller=other_school.system, account_id=theirs.account_id, at_sign_up=True)
        await factory.tell(school.system, "SessionOpened", session_id=session.session_id, account_id=theirs.account_id, is_new_device=True)

        await settle()

        assert (inbox.of(theirs.email), await factory.mails(school), await factory.mails(other_school)) == ([], [], [])


class TestOnce:
    async def test_two_runs_of_a_job_send_one_mail(self, school: School, house: House, inbox: Inbox) -> None:
        asked = await factory.asked(school)
        (message,) = await factory.due(house, school)

        await run(house, message)
        await run(house, message)

        assert len(inbox.of(asked.email)) == 1
        assert len(await factory.mails(school)) == 1

    async def test_two_facts_about_one_link_send_one_mail(self, school: School, settle: Settle, inbox: Inbox) -> None:
        asked = await factory.asked(school)
        await factory.tell(school.system, "PasswordResetRequested", challenge_id=asked.challenge_id, account_id=asked.account_id)

        await settle()

        assert len(inbox.of(asked.email)) == 1
        assert await factory.deliveries(school) == [("mail_link", "DONE")] * 2

    async def test_a_crash_before_it_is_settled_sends_the_same_mail_again(self, school: School, house: House, inbox: Inbox) -> None:
        asked = await factory.asked(school)
        (message,) = await factory.due(house, school)
        await run(house, message, Crashing(house.adapters.post.mailer))
        (row,) = await factory.mails(school)
        assert (row.state, row.sent_at) == (MailState.QUEUED, None)

        await run(house, message)

        first, second = inbox.of(asked.email)
        assert first["Message-ID"] == second["Message-ID"]
        assert first.as_bytes() == second.as_bytes()
        (row,) = await factory.mails(school)
        assert (row.state, row.provider_id) == (MailState.SENT, first["Message-ID"])

    async def test_a_crash_before_it_is_settled_sends_one_by_resend(self, school: School, house: House, resend: Resend) -> None:
        await factory.asked(school)
        (message,) = await factory.due(house, school)
        await run(house, message, Crashing(resend.mailer))

        await run(house, message, resend.mailer)

        (id,) = resend.twin.emails
        assert [(row.state, row.provider_id) for row in await factory.mails(school)] == [(MailState.SENT, id)]

    async def test_a_lost_answer_and_a_school_renamed_meanwhile_send_one_by_resend(self, school: School, house: House, resend: Resend) -> None:
        await factory.asked(school)
        (message,) = await factory.due(house, school)
        resend.twin.lose_next_answer = True
        await run(house, message, resend.mailer)
        assert [row.state for row in await factory.mails(school)] == [MailState.QUEUED]
        await change(school, Tenant, school.id, name="Another Name")

        await run(house, message, resend.mailer)

        assert len(resend.twin.emails) == 1
        assert [(row.state, row.provider_id) for row in await factory.mails(school)] == [(MailState.SENT, None)]

    async def test_ten_deliveries_at_once_reserve_one(self, school: School, house: House, resend: Resend) -> None:
        asked = await factory.asked(school)
        for _ in range(9):
            await factory.tell(school.system, "PasswordResetRequested", challenge_id=asked.challenge_id, account_id=asked.account_id)
        messages = await factory.due(house, school)
        assert len(messages) == 10

        await asyncio.gather(*(run(house, message, resend.mailer) for message in messages))

        assert len(resend.twin.emails) == 1
        assert len(await factory.mails(school)) == 1


class TestWithoutACarrier:
    async def test_the_mail_waits_and_is_sent_later(self, school: School, house: House, inbox: Inbox) -> None:
        asked = await factory.asked(school)
        (message,) = await factory.due(house, school)

        await run(house, message, NoMailer())

        (row,) = await factory.mails(school)
        assert (row.state, row.sent_at, inbox.of(asked.email)) == (MailState.QUEUED, None, [])
        assert await factory.deliveries(school) == [("mail_link", "SENT")]  # to a worker; it comes again
        await run(house, message)
        assert len(inbox.of(asked.email)) == 1

    async def test_a_server_that_is_down_is_tried_again(self, school: School, house: House) -> None:
        await factory.asked(school)
        (message,) = await factory.due(house, school)

        await run(house, message, SmtpMailer("smtp://127.0.0.1:9?tls=none"))

        assert [row.state for row in await factory.mails(school)] == [MailState.QUEUED]
        assert await factory.deliveries(school) == [("mail_link", "SENT")]


class TestARefusal:
    async def test_is_kept_without_the_address_and_not_tried_again(self, school: School, house: House, resend: Resend) -> None:
        asked = await factory.asked(school)
        (message,) = await factory.due(house, school)
        resend.twin.takes_example_com = False

        await run(house, message, resend.mailer)

        (row,) = await factory.mails(school)
        assert row.state == MailState.FAILED
        assert row.error
        assert "422 validation_error" in row.error
        assert asked.email not in row.error
        assert await factory.deliveries(school) == [("mail_link", "BURIED")]
        assert await factory.due(house, school) == []

    async def test_is_tried_again_when_the_operator_asks(self, school: School, house: House, resend: Resend) -> None:
        await factory.asked(school)
        (message,) = await factory.due(house, school)
        resend.twin.takes_example_com = False
        await run(house, message, resend.mailer)
        resend.twin.takes_example_com = True

        await store.requeue([message.delivery.id])
        await run(house, message, resend.mailer)

        assert [row.state for row in await factory.mails(school)] == [MailState.SENT]
        assert await factory.deliveries(school) == [("mail_link", "DONE")]


class TestAChangeOfAddress:
    async def test_is_told_to_the_present_address_without_a_link_that_confirms(self, school: School, settle: Settle, inbox: Inbox) -> None:
        asked = await factory.asked(school, ChallengeKind.EMAIL_CHANGE)

        await settle()

        (notice,) = inbox.of(asked.own)
        assert notice["Subject"] == "Your e-mail address at A School is to change"
        assert "token=" not in part(notice) + part(notice, "html")
        assert asked.email not in part(notice)
        assert len(inbox.of(asked.email)) == 1

    async def test_is_told_to_the_old_address_though_the_link_was_followed_first(self, school: School, house: House, settle: Settle, inbox: Inbox) -> None:
        asked = await factory.asked(school, ChallengeKind.EMAIL_CHANGE)
        notice, link = await factory.due(house, school)
        assert (notice.reaction, link.reaction) == ("notifications.mail_change_notice", "notifications.mail_link")
        await run(house, link)
        async with unit_of_work(school.system):
            await database.fetch("UPDATE challenges SET used_at = now() WHERE tenant_id = $1 AND id = $2", school.id, asked.challenge_id)
        await change(school, Account, asked.account_id, email=asked.email, email_key=asked.email)

        await run(house, notice)
        await factory.tell(school.system, "EmailChanged", account_id=asked.account_id)
        await settle()

        assert [mail["Subject"] for mail in inbox.of(asked.own)] == ["Your e-mail address at A School is to change", "Your e-mail address at A School was changed"]
        assert len(inbox.of(asked.email)) == 1

    async def test_whose_old_address_nobody_knows_any_more_is_told_to_nobody(self, school: School, settle: Settle, inbox: Inbox) -> None:
        email = address()
        account_id = await account(school.system, email=email)

        await factory.tell(school.system, "EmailChanged", account_id=account_id)
        await settle()

        assert (inbox.of(email), await factory.deliveries(school)) == ([], [("mail_email_changed", "DONE")])


class TestNotices:
    async def test_each_change_of_a_password_is_told(self, school: School, settle: Settle, inbox: Inbox) -> None:
        email = address()
        account_id = await account(school.system, email=email)

        for _ in range(2):
            await factory.tell(school.system, "PasswordChanged", account_id=account_id)
            await settle()

        assert [mail["Subject"] for mail in inbox.of(email)] == ["Your password at A School was changed"] * 2

    @pytest.mark.parametrize(
        ("status", "reason", "subject", "said"),
        [
            ("APPROVED", "Welcome.\nTry <it>", "You can teach at A School now", "> Welcome.\n> Try <it>"),
            ("REFUSED", "Too short.\nTry <again>", "About your application to teach at A School", "> Too short.\n> Try <again>"),
            ("APPROVED", None, "You can teach at A School now", "approved"),
        ],
    )
    async def test_a_decision_is_told_with_its_reason(self, status: str, reason: str | None, subject: str, said: str, school: School, settle: Settle, inbox: Inbox) -> None:
        email = address()
        account_id = await account(school.system, email=email)
        async with unit_of_work(school.system):
            made = await InstructorApplication.create(
                tenant_id=school.id, account_id=account_id, motivation="x", status=status, reason=reason, applied_at=school.system.now, decided_at=school.system.now
            )
        await factory.tell(school.system, "InstructorApplicationDecided", application_id=made.id, account_id=account_id, status=status)

        await settle()

        (mail,) = inbox.of(email)
        assert mail["Subject"] == subject
        assert said in part(mail)
        assert "<it>" not in part(mail, "html") and "<again>" not in part(mail, "html")


class TestASignInAlert:
    async def opened(self, school: School, email: str, *, is_new_device: bool = True) -> UUID:
        account_id = await account(school.system, email=email)
        agent = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:145.0) Gecko/20100101 Firefox/145.0"
        there = replace(school.system, address="203.0.113.77", user_agent=agent)
        if not is_new_device:
            await sessions.open_session(caller=there, account_id=account_id, at_sign_up=True)
        await sessions.open_session(caller=there, account_id=account_id)
        return account_id

    async def test_tells_when_with_what_and_roughly_from_where(self, school: School, settle: Settle, inbox: Inbox) -> None:
        email = address()
        await self.opened(school, email)

        await settle()

        (mail,) = inbox.of(email)
        assert mail["Subject"] == "A new sign-in to your account at A School"
        assert "Device: Firefox, Windows\nNetwork: 203.0.113.*\n" in part(mail)
        assert re.search(r"When: \w+ \d+, \d{4}, \d+:\d\d.[AP]M UTC\n", part(mail))
        assert "203.0.113.77" not in mail.as_string()
        assert "/account/sessions" in part(mail)

    async def test_is_not_set_off_by_a_device_that_is_known(self, school: School, settle: Settle, inbox: Inbox) -> None:
        email = address()
        await self.opened(school, email, is_new_device=False)

        await settle()

        assert (inbox.of(email), await factory.deliveries(school)) == ([], [])

    async def test_can_be_turned_off_by_one_click(self, school: School, settle: Settle, inbox: Inbox) -> None:
        email = address()
        await self.opened(school, email)
        await settle()
        (mail,) = inbox.of(email)

        assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
        assert re.fullmatch(r"<http://localhost:8000/unsubscribe/[\w-]+>", mail["List-Unsubscribe"])
        assert mail["List-Unsubscribe"].strip("<>") in part(mail)

    async def test_is_not_sent_to_who_wants_none(self, school: School, settle: Settle, inbox: Inbox) -> None:
        email = address()
        account_id = await self.opened(school, email)
        await preferences.set_preference(caller=school.system, account_id=account_id, kind=MailKind.SIGN_IN_ALERT, wanted=False)

        await settle()

        assert (inbox.of(email), await factory.mails(school), await factory.deliveries(school)) == ([], [], [("mail_sign_in_alert", "DONE")])

    async def test_alone_can_be_turned_off(self, school: School, settle: Settle, inbox: Inbox) -> None:
        asked = await factory.asked(school)

        await settle()

        (mail,) = inbox.of(asked.email)
        assert mail["List-Unsubscribe"] is None
        assert "unsubscribe" not in part(mail, "html")


class TestTheSender:
    async def test_is_the_school_and_answers_go_to_it(self, school: School, settle: Settle, inbox: Inbox) -> None:
        await change(school, Tenant, school.id, name="Schule für Müßiggang", support_email="hilfe@schule.example")
        asked = await factory.asked(school)

        await settle()

        (mail,) = inbox.of(asked.email)
        sender = mail["From"].addresses[0]
        assert (sender.display_name, sender.addr_spec) == ("Schule für Müßiggang", "mail@school.example")
        assert mail["Reply-To"].addresses[0].addr_spec == "hilfe@schule.example"
        assert mail["Auto-Submitted"] == "auto-generated"
        assert re.fullmatch(r"<mai_[0-9a-z]{26}@school\.example>", mail["Message-ID"])

    @pytest.mark.parametrize(("own", "schools", "subject"), [("de-AT", "en", "Wählen"), (None, "fr", "Choisissez"), ("tlh", "es", "Elija"), ("tlh", "xx-nonsense", "Choose")])
    async def test_writes_in_the_readers_language_else_the_schools_else_english(
        self, own: str | None, schools: str, subject: str, school: School, settle: Settle, inbox: Inbox
    ) -> None:
        await change(school, Tenant, school.id, locale=schools)
        asked = await factory.asked(school)
        await change(school, Account, asked.account_id, locale=own)

        await settle()

        assert inbox.of(asked.email)[0]["Subject"].startswith(subject)


class TestWhatPeopleWrote:
    NAME = "Win <b>money</b> http://evil.example/now me@evil.example"

    async def test_becomes_neither_markup_nor_a_link(self, school: School, settle: Settle, inbox: Inbox) -> None:
        await change(school, Tenant, school.id, name="Free iPhones at evil.example")
        asked = await factory.asked(school, name=self.NAME)

        await settle()

        (mail,) = inbox.of(asked.email)
        written = (mail["Subject"], part(mail), part(mail, "html"))
        assert all("Free iPhones at evil" in text and "evil.example" not in text for text in written)
        assert "<b>" not in part(mail, "html")
        assert "&lt;b&gt;money" in part(mail, "html")
        assert set(re.findall(r"https?://[^/\s\"<]+", part(mail))) == {"http://localhost:8000"}
        assert set(re.findall(r'(?:href|src)="(https?://[^/"]+)', part(mail, "html"))) == {"http://localhost:8000"}

    @pytest.mark.parametrize("name", ["A\r\nBcc: victim@example.org", "A\u2028Bcc: victim@example.org", "A\x00\x0bB", "\u202eloohcS", "{{ 7 * 7 }}{% raw %}", "x" * 200])
    async def test_is_no_header_and_no_template(self, name: str, school: School, house: House, settle: Settle, inbox: Inbox) -> None:
        """Past the rules of the API, as if they were broken: what PostgreSQL holds."""
        if "\x00" not in name:
            await change(school, Tenant, school.id, name=name)
        asked = await factory.asked(school)

        await settle()

        (mail,) = inbox.of(asked.email)
        assert mail["Bcc"] is None
        assert len(mail["Subject"]) <= 150
        assert not re.search("[\r\n\u2028\u202e]", mail["Subject"])
        assert "49" not in mail["Subject"]
        assert [address.addr_spec for address in mail["From"].addresses] == ["mail@school.example"]


class TestTheSweep:
    async def test_forgets_mails_after_thirty_days(self, school: School, other_school: School, settle: Settle) -> None:
        for where in (school, other_school):
            await factory.asked(where)
        await settle()
        (old,) = await factory.mails(school)
        async with unit_of_work(school.system):
            await database.fetch("UPDATE mails SET created_at = now() - interval '31 days' WHERE tenant_id = $1 AND id = $2", school.id, old.id)

        await operations.sweep()

        assert await factory.mails(school) == []
        assert len(await factory.mails(other_school)) == 1

    async def test_sees_nothing_that_is_younger_and_nobodys_address(self, school: School, settle: Settle) -> None:
        await factory.asked(school)
        await settle()

        async with database.as_system() as connection:
            seen = await connection.fetchval("SELECT count(*) FROM (SELECT created_at FROM mails WHERE created_at > now() - interval '29 days') AS young")
            with pytest.raises(Exception, match="permission denied"):
                await connection.fetch("SELECT email FROM mails")
        assert seen == 0


async def test_no_row_holds_a_token_or_what_a_mail_says(school: School, settle: Settle, inbox: Inbox) -> None:
    asked = await factory.asked(school)
    await settle()
    (token,) = set(re.findall(r"\?token=(\S+)", part(inbox.of(asked.email)[0])))

    async with database.reading(school.system):
        rows = await database.fetch(
            "SELECT to_jsonb(m)::text AS text FROM mails m WHERE m.tenant_id = $1 UNION ALL SELECT to_jsonb(d)::text FROM deliveries d WHERE d.tenant_id = $1 "
            "UNION ALL SELECT to_jsonb(f)::text FROM facts f WHERE f.tenant_id = $1",
            school.id,
        )
    assert rows
    assert [row["text"] for row in rows if token.partition(".")[2] in row["text"] or "Choose" in row["text"]] == []
