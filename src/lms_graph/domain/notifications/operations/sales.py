"""Mails about sales that follow from facts, each sent once (`sending`): to the buyer's account, or to the address that a guest gave."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from lms_graph.domain.catalog.queries import browse
from lms_graph.domain.commerce.queries import invoices, orders, seats
from lms_graph.domain.commerce.rules.checkouts import claim_token
from lms_graph.domain.identity.queries import accounts
from lms_graph.domain.media.ports import ObjectStore
from lms_graph.domain.notifications.operations import sending
from lms_graph.domain.notifications.ports import Attachment, Post
from lms_graph.domain.notifications.queries import mails as queries
from lms_graph.domain.notifications.rules import texts
from lms_graph.domain.payouts.queries import payees
from lms_graph.kit.caller import Caller
from lms_graph.kit.ids import public_id
from lms_graph.kit.money import Amount
from lms_graph.models import database
from lms_graph.models.commerce import PoolKind
from lms_graph.models.notifications import MailKind
from lms_graph.outbox.store import Delivery

MAX_ITEMS = 300  # characters


async def mail_enrollment(*, caller: Caller, enrollment_id: UUID, account_id: UUID, course_id: UUID, closes: Delivery, post: Post) -> None:
    """Tell a learner that a run of a course is open to them, with the words of who gave it, unless they want no such mails. Raises Unavailable and MailRefused."""
    async with database.reading(caller):
        learner = await sending.reader(caller, account_id)
        unwanted = await queries.is_off(caller=caller, account_id=account_id, kind=MailKind.ENROLLMENT)
        course = next(iter(await browse.courses_by_ids(caller=caller, ids=[course_id])), None)
        gift = await seats.gift_of_run(caller=caller, enrollment_id=enrollment_id)
        giver = await _name(caller, gift["owner_account_id"]) if gift else ""
    if learner is None or unwanted or course is None:
        await sending.drop(caller, (MailKind.ENROLLMENT,), enrollment_id, closes)
        return
    plan = sending.Plan(
        account=learner,
        kind=MailKind.ENROLLMENT,
        about_id=enrollment_id,
        email=learner["email"],
        values={"course": texts.name(course["title"]), "giver": giver},
        quote=_quote(gift["message"]) if gift else None,
        path=course["slug"],
    )
    await sending.send(caller, plan, closes, post)


async def mail_receipt(*, caller: Caller, invoice_id: UUID, closes: Delivery, post: Post, objects: ObjectStore) -> None:
    """Send an invoice, or a credit note, as a PDF to who bought. Raises Unavailable and MailRefused."""
    async with database.reading(caller):
        receipt = await invoices.receipt(caller=caller, invoice_id=invoice_id)
        buyer = receipt and await _buyer(caller, receipt)
    kind = MailKind.REFUND if receipt and receipt["kind"] == "CREDIT_NOTE" else MailKind.RECEIPT
    if not receipt or not buyer or receipt["object_key"] is None:
        await sending.drop(caller, (kind,), invoice_id, closes)
        return
    plan = sending.Plan(
        account=buyer,
        kind=kind,
        about_id=invoice_id,
        email=buyer["email"],
        values={"order": receipt["order_number"]},
        details={
            "items": texts.one_line(", ".join(receipt["titles"]), MAX_ITEMS),
            "total": Amount(receipt["total_amount"], receipt["currency"]),
            "invoice": receipt["number"],
            "order": receipt["order_number"],
        },
        path=public_id("ord", receipt["order_id"]) if buyer["id"] else None,
        attachments=[Attachment(file_name=f"{receipt['number']}.pdf", body=await objects.get(receipt["object_key"]))],
    )
    await sending.send(caller, plan, closes, post)


async def mail_payment_failed(*, caller: Caller, subscription_id: UUID, closes: Delivery, post: Post) -> None:
    """Tell who holds a plan that a payment of it failed, and until when they may go on; nothing once it is paid. Raises Unavailable and MailRefused."""
    async with database.reading(caller):
        failed = await invoices.failed_payment(caller=caller, subscription_id=subscription_id)
        learner = failed and await sending.reader(caller, failed["account_id"])
    if not failed or not learner:
        await sending.drop(caller, (MailKind.PAYMENT_FAILED,), closes.id, closes)
        return
    plan = sending.Plan(
        account=learner,
        kind=MailKind.PAYMENT_FAILED,
        about_id=closes.id,  # each failure is told
        email=learner["email"],
        values={"plan": texts.one_line(failed["title"]), "until": failed["grace_until"] or ""},
        details={"items": texts.one_line(failed["title"]), "total": Amount(failed["amount"], failed["currency"])},
        path=public_id("sub", subscription_id),
    )
    await sending.send(caller, plan, closes, post)


async def mail_purchase_claim(*, caller: Caller, order_id: UUID, closes: Delivery, post: Post) -> None:
    """Send a guest the link with which an account takes what they bought; nothing once one has. Raises Unavailable and MailRefused."""
    async with database.reading(caller):
        order = await orders.claimable_order(caller=caller, order_id=order_id)
    if order is None:
        await sending.drop(caller, (MailKind.PURCHASE_CLAIM,), order_id, closes)
        return
    plan = sending.Plan(
        account={"id": None, "name": order["name"], "locale": None},
        kind=MailKind.PURCHASE_CLAIM,
        about_id=order_id,
        email=order["email"],
        token=claim_token(post.secret_keys, caller.tenant_id, order_id),
        values={"order": order["number"]},
    )
    await sending.send(caller, plan, closes, post)


async def mail_payout(*, caller: Caller, payout_id: UUID, account_id: UUID | None, closes: Delivery, post: Post) -> None:
    """Tell a payee that a payout lies on their account at the provider; nobody where it is the school's own. Raises Unavailable and MailRefused."""
    async with database.reading(caller):
        payout = await payees.payout_by_id(caller=caller, payout_id=payout_id)
        payee = await sending.reader(caller, account_id) if account_id and payout else None
    if payout is None or payee is None:
        await sending.drop(caller, (MailKind.PAYOUT,), payout_id, closes)
        return
    amount = Amount(payout["amount"], payout["currency"])
    await sending.send(caller, sending.Plan(account=payee, kind=MailKind.PAYOUT, about_id=payout_id, email=payee["email"], details={"total": amount}), closes, post)


async def mail_seat(*, caller: Caller, seat_id: UUID, closes: Delivery, post: Post) -> None:
    """Send the code of a seat or a gift to the address that it waits for; nothing once it was taken, taken back or has expired. Raises Unavailable and MailRefused."""
    async with database.reading(caller):
        seat = await seats.waiting_seat(caller=caller, seat_id=seat_id)
        course = seat and next(iter(await browse.courses_by_ids(caller=caller, ids=[seat["course_id"]])), None)
        known = seat and await accounts.account_id_by_email(caller=caller, email=seat["email"])
        reader = await sending.reader(caller, known) if known else {"id": None, "name": "", "locale": None}
        giver = await _name(caller, seat["owner_account_id"]) if seat else ""
    if not seat or not course or reader is None:
        await sending.drop(caller, (MailKind.SEAT,), seat_id, closes)
        return
    plan = sending.Plan(
        account=reader,
        kind=MailKind.SEAT,
        about_id=seat_id,
        email=seat["email"],
        token=seat["code"],
        values={"course": texts.name(course["title"]), "giver": giver, "gift": "gift" if seat["kind"] == PoolKind.GIFT else ""},
        details={"code": seat["code"]} | ({"until": seat["expires_at"]} if seat["expires_at"] else {}),
        quote=_quote(seat["message"]),
    )
    await sending.send(caller, plan, closes, post)


def _quote(message: str | None) -> str | None:
    return texts.quote(message) or None if message else None


async def _name(caller: Caller, account_id: UUID | None) -> str:
    """Of who gives something; empty for a school's own, and for who has left."""
    account = await sending.reader(caller, account_id) if account_id else None
    return texts.name(account["name"]) if account else ""


async def _buyer(caller: Caller, order: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The account that holds an order; for a guest's, what the guest gave, and None once that was erased."""
    if order["account_id"]:
        return await sending.reader(caller, order["account_id"])
    return {"id": None, "name": order["name"], "email": order["email"], "locale": None} if order["email"] else None
