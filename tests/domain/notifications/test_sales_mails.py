"""Mails about sales: to the account that bought, or to the guest; with the document; once."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pypdfium2 as pdfium
import pytest

from lms_graph.domain.commerce import events
from lms_graph.domain.commerce.operations import seats
from lms_graph.domain.learning.operations import enrollments, entitlements
from lms_graph.domain.notifications.operations import preferences
from lms_graph.kit.ids import public_id
from lms_graph.kit.throttle import MemoryThrottle
from lms_graph.models import commerce as rows
from lms_graph.models.catalog import Course
from lms_graph.models.identity import Account
from lms_graph.models.notifications import MailKind, MailState
from lms_graph.outbox.unit_of_work import unit_of_work
from tests.factories import documents as sales
from tests.factories import mails as factory
from tests.factories.accounts import account, address, verify_address
from tests.factories.courses import course, text
from tests.factories.mails import Inbox, part
from tests.factories.seats import bought
from tests.fixtures.callers import School

pytestmark = pytest.mark.anyio

Settle = Callable[[], Awaitable[list[str]]]


async def tell_paid(school: School, order: rows.Order) -> None:
    async with unit_of_work(school.system) as work:
        work.record(events.OrderPaid(order_id=order.id, account_id=order.account_id, subscription_id=None, is_claimable=False))


class TestAReceipt:
    async def test_reaches_the_account_with_the_invoice(self, school: School, settle: Settle, inbox: Inbox) -> None:
        email = address()
        buyer = await account(school.system, email=email, name="Bo Buyer")
        order = await sales.paid_order(school, account_id=buyer, titles=("Typography", "Counterpoint"))

        await tell_paid(school, order)
        await settle()

        (mail,) = inbox.of(email)
        (attached,) = mail.iter_attachments()
        assert mail["Subject"].endswith(f"order {order.number}")
        assert (attached.get_content_type(), attached.get_filename()) == ("application/pdf", "INV-000001.pdf")
        assert len(pdfium.PdfDocument(attached.get_content())) == 1
        body = part(mail)
        for said in ("Hello Bo Buyer,", "Typography, Counterpoint", "€100.00", "INV-000001", f"/account/orders/{public_id('ord', order.id)}"):
            assert said in body

    async def test_reaches_a_guest_at_the_address_given(self, school: School, settle: Settle, inbox: Inbox) -> None:
        email = address()
        order = await sales.paid_order(school, email=email)

        await tell_paid(school, order)
        await settle()

        (mail,) = inbox.of(email)
        assert "/account/orders\n" in part(mail)
        assert [row.account_id for row in await factory.mails(school)] == [None]

    async def test_is_sent_once_however_often_it_is_told(self, school: School, settle: Settle, inbox: Inbox) -> None:
        email = address()
        order = await sales.paid_order(school, email=email)

        for _ in range(2):
            await tell_paid(school, order)
            await settle()

        assert len(inbox.of(email)) == 1


class TestARefund:
    async def test_is_told_with_the_credit_note(self, school: School, settle: Settle, inbox: Inbox) -> None:
        email = address()
        order = await sales.paid_order(school, email=email)
        refund = await sales.settled_refund(school, order, 2500, 399)

        async with unit_of_work(school.system) as work:
            work.record(events.RefundSettled(refund_id=refund.id, order_id=order.id, account_id=None))
        await settle()

        told = {mail["Subject"].split(" ")[1]: mail for mail in inbox.of(email)}
        assert set(told) == {"receipt", "refund"}  # the invoice that it corrects goes out too, where it has not yet
        (attached,) = told["refund"].iter_attachments()
        assert attached.get_filename() == "CN-000001.pdf"
        assert "€25.00" in part(told["refund"])


class TestAFailedPayment:
    async def plan(self, school: School, learner: UUID, status: rows.SubscriptionStatus) -> rows.Subscription:
        order = await sales.paid_order(school, account_id=learner)
        line = await self._line(school, order)
        now = school.system.now
        async with unit_of_work(school.system) as work:
            plan = await rows.Subscription.create(
                tenant_id=school.id, account_id=learner, offer_id=line.offer_id, first_order_id=order.id, status=status, currency="EUR", amount=1900,
                grace_until=now + timedelta(days=7), created_at=now, updated_at=now,
            )  # fmt: skip
            work.record(events.SubscriptionPastDue(subscription_id=plan.id, account_id=learner, grace_until=(now + timedelta(days=7)).isoformat()))
        return plan

    async def _line(self, school: School, order: rows.Order) -> rows.OrderLine:
        async with unit_of_work(school.system):
            return await rows.OrderLine.for_caller(school.system, order_id=order.id).get()

    async def test_says_how_long_everything_stays_open(self, school: School, settle: Settle, inbox: Inbox) -> None:
        email = address()
        plan = await self.plan(school, await account(school.system, email=email), rows.SubscriptionStatus.PAST_DUE)

        await settle()

        (mail,) = inbox.of(email)
        body = part(mail)
        assert "€19.00" in body
        assert "everything stays open" in body
        assert f"/account/plans/{public_id('sub', plan.id)}" in body

    async def test_that_was_paid_meanwhile_is_not_told(self, school: School, settle: Settle, inbox: Inbox) -> None:
        email = address()
        await self.plan(school, await account(school.system, email=email), rows.SubscriptionStatus.ACTIVE)

        await settle()

        assert inbox.of(email) == []


class TestAnEnrollment:
    async def test_that_is_not_wanted_by_mail_is_not_told(self, school: School, settle: Settle, inbox: Inbox) -> None:
        email = address()
        learner = await account(school.system, email=email)
        await preferences.set_preference(caller=school.system, account_id=learner, kind=MailKind.ENROLLMENT, wanted=False)

        assert await enrolled(school, learner)
        await settle()

        assert inbox.of(email) == []

    async def test_is_told_with_the_way_into_the_course_and_out_of_such_mails(self, school: School, settle: Settle, inbox: Inbox) -> None:
        email = address()
        slug = await enrolled(school, await account(school.system, email=email))

        await settle()

        (mail,) = inbox.of(email)
        assert f"/courses/{slug}" in part(mail)
        assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
        assert [row.state for row in await factory.mails(school)] == [MailState.SENT]


class TestASeat:
    async def test_that_waits_is_told_with_its_code(self, school: School, settle: Settle, inbox: Inbox) -> None:
        made = await course(school.system, text())
        pool = await bought(school.system, await account(school.system, name="Olga Owner"), made.course_id)
        email = address()

        await seats.assign(caller=school.system, pool_id=pool.pool_id, email=email, throttle=MemoryThrottle())
        await settle()

        (mail,) = inbox.of(email)
        (seat,) = await seats_of(school)
        body = part(mail)
        assert mail["Subject"] == "A seat for you: A Course"
        assert "Olga Owner has a seat for you in A Course" in body
        assert f"/redeem?token={seat.code}\n" in body
        assert f"Code: {seat.code}" in body
        (row,) = await factory.mails(school)
        assert (row.kind, row.about_id, row.account_id, row.state) == (MailKind.SEAT, seat.id, None, MailState.SENT)

    async def test_that_is_a_gift_comes_with_the_giver_s_words_and_its_end(self, school: School, settle: Settle, inbox: Inbox) -> None:
        made = await course(school.system, text())
        giver, email = await account(school.system, name="Gil Giver"), address()
        until = datetime.now(UTC) + timedelta(days=30)

        await bought(school.system, giver, made.course_id, 1, gift_email=email, gift_message="Happy birthday!\n\nSee evil.example/now", expires_at=until)
        await settle()

        (mail,) = inbox.of(email)
        body = part(mail)
        assert mail["Subject"] == "A gift for you: A Course"
        assert "Gil Giver gives you A Course" in body
        assert "> Happy birthday!" in body
        assert "evil.example" not in body, "nothing that a mail program makes a link of"
        assert f"Until: {until:%B}" in body

    async def test_of_an_address_with_an_account_that_is_not_proved_is_told_in_its_language(self, school: School, settle: Settle, inbox: Inbox) -> None:
        made = await course(school.system, text())
        pool = await bought(school.system, await account(school.system), made.course_id)
        email = address()
        learner = await account(school.system, email=email, name="Lea")
        async with unit_of_work(school.system):
            await Account.for_caller(school.system, id=learner).update(locale="de")

        await seats.assign(caller=school.system, pool_id=pool.pool_id, email=email.upper(), throttle=MemoryThrottle())
        await settle()

        ((_, mail),) = inbox.named(lambda mail: mail["To"].addresses[0].addr_spec.lower() == email)
        assert mail["Subject"] == "Ein Platz für Sie: A Course"
        assert [row.account_id for row in await factory.mails(school)] == [learner]

    @pytest.mark.parametrize("meanwhile", ["reclaimed", "closed", "redeemed"])
    async def test_that_does_not_wait_any_more_is_not_told(self, school: School, settle: Settle, inbox: Inbox, meanwhile: str) -> None:
        made = await course(school.system, text())
        pool = await bought(school.system, await account(school.system), made.course_id)
        email = address()
        await seats.assign(caller=school.system, pool_id=pool.pool_id, email=email, throttle=MemoryThrottle())
        (seat,) = await seats_of(school)

        if meanwhile == "reclaimed":
            await seats.reclaim(caller=school.system, seat_id=seat.id)
        elif meanwhile == "closed":
            await seats.close_pool(caller=school.system, line_id=pool.line_id, reason="Refunded.")
        else:
            await seats.take_waiting(caller=school.system, account_id=await proved(school, email), closes=None)
        await settle()

        assert [mail["Subject"] for mail in inbox.of(email)] == (["You are enrolled: A Course"] if meanwhile == "redeemed" else [])

    async def test_that_is_a_gift_to_a_proved_address_is_told_with_the_enrollment(self, school: School, settle: Settle, inbox: Inbox) -> None:
        made = await course(school.system, text())
        email = address()
        await proved(school, email)

        await bought(school.system, await account(school.system, name="Gil Giver"), made.course_id, 1, gift_email=email, gift_message="Enjoy.")
        await settle()

        (mail,) = inbox.of(email)
        assert mail["Subject"] == "You are enrolled: A Course"
        assert "Gil Giver has given it to you, and writes:" in part(mail)
        assert "> Enjoy." in part(mail)


async def seats_of(school: School) -> list[rows.SeatAssignment]:
    async with unit_of_work(school.system):
        return await rows.SeatAssignment.for_caller(school.system)


async def proved(school: School, email: str) -> UUID:
    """An account that has proved its address."""
    account_id = await account(school.system, email=email)
    await verify_address(school.system, account_id)
    return account_id


async def enrolled(school: School, learner: UUID) -> str:
    """Enroll somebody in a published course by a grant; gives the course's slug."""
    made = await course(school.system, text())
    grant = await entitlements.grant_course(caller=school.system, account_id=learner, course_id=made.course_id)
    await enrollments.open_granted(caller=school.system, entitlement_id=grant, account_id=learner, course_id=made.course_id)
    async with unit_of_work(school.system):
        return (await Course.for_caller(school.system, id=made.course_id).get()).slug
