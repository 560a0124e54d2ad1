"""What is known of a buyer as a person is erased from sales, and what the law of accounts demands stays: amounts, documents, the ledger.

Invoices and credit notes name whom they were issued to, and are kept unchanged for as long as tax law says (GDPR Art. 17(3)(b)); everything else that names the buyer goes.
"""

from collections.abc import Sequence
from uuid import UUID

from lms_graph.domain.commerce import errors, events, policies
from lms_graph.domain.commerce.rules import erasing as rules
from lms_graph.domain.identity.queries import accounts
from lms_graph.kit.caller import Caller
from lms_graph.kit.errors import Invalid, Issue
from lms_graph.kit.ids import new_id
from lms_graph.kit.text import email_key, is_email
from lms_graph.models import database
from lms_graph.outbox.idempotency import once
from lms_graph.outbox.unit_of_work import UnitOfWork, unit_of_work


async def erase_buyer(*, caller: Caller, account_id: UUID | None, email: str | None, idempotency_key: str) -> UUID:
    """Erase who bought as an account, or under an address, for who may; gives an id of the erasing, the same for the same key.

    Raises SignedOut, NotAllowed, Invalid, BuyerNotFound for an account that is not here, BuyerNotErasable while something of theirs is under way, IdempotencyConflict. Records as `erase`.
    """
    policies.require_may_erase_buyers(caller)
    if (account_id is None) == (email is None):
        raise Invalid(Issue("Give `memberId`, or `email`: one of them.", ("email",)))
    if email is not None and not is_email(email):
        raise Invalid(Issue("This is not an e-mail address.", ("email",)))

    async def run(work: UnitOfWork) -> UUID:
        await erase(caller=caller, account_id=account_id, email=email)
        return new_id()

    return await once(caller, field="buyerErase", key=idempotency_key, body={"memberId": account_id, "email": email and email_key(email)}, run=run)


async def erase(*, caller: Caller, account_id: UUID | None, email: str | None) -> None:
    """The same, for whatever erases an account as a whole; again it changes nothing. An address that is an account's means the account too. Joins the unit of work around it.

    Raises BuyerNotFound, BuyerNotErasable. Records BuyerErased for each order, and SeatAddressErased for each seat.
    """
    async with unit_of_work(caller) as work:
        if account_id is None and email is not None:
            account_id = await accounts.account_id_by_email(caller=caller, email=email)
        known = await accounts.accounts_by_ids(caller=caller, account_ids=[account_id]) if account_id else []
        if account_id is not None and not known:
            raise errors.BuyerNotFound()
        addresses = sorted({email_key(each) for each in (email, *(row["email"] for row in known)) if each})
        orders = await _lock_orders(caller, account_id, addresses)
        if obstacles := await _under_way(caller, [row["id"] for row in orders], account_id):
            raise errors.BuyerNotErasable(obstacles)
        named = [row["id"] for row in orders if row["is_named"]]
        await _erase_orders(caller, named)
        await _erase_gifts(caller, named, addresses)
        await _erase_uses(caller, addresses)
        for order_id in named:
            work.record(events.BuyerErased(order_id=order_id, account_id=account_id))
        for seat in await _erase_seats(caller, account_id, addresses):
            work.record(events.SeatAddressErased(seat_id=seat["id"], pool_id=seat["pool_id"]))


async def _lock_orders(caller: Caller, account_id: UUID | None, addresses: Sequence[str]) -> list[database.Record]:
    """The buyer's orders, in one order for their locks."""
    return await database.fetch(
        f"SELECT id, ({rules.NAMED}) AS is_named FROM orders o WHERE o.tenant_id = $1 AND (o.account_id = $2 OR lower(normalize(o.email, NFKC)) = ANY($3)) ORDER BY o.id FOR UPDATE",
        caller.tenant_id,
        account_id,
        list(addresses),
    )


async def _under_way(caller: Caller, order_ids: list[UUID], account_id: UUID | None) -> list[str]:
    """What still needs the buyer's name: in words."""
    row = await database.fetch_one(
        """
        SELECT EXISTS (SELECT FROM checkouts c WHERE c.tenant_id = $1 AND c.order_id = ANY($2) AND c.status IN ('OPEN', 'PROCESSING')) AS checkout,
               EXISTS (SELECT FROM subscriptions s WHERE s.tenant_id = $1 AND (s.account_id = $3 OR s.first_order_id = ANY($2)) AND s.status NOT IN ('CANCELED', 'COMPLETED')) AS plan,
               EXISTS (SELECT FROM refunds r WHERE r.tenant_id = $1 AND r.order_id = ANY($2) AND r.status IN ('REQUESTED', 'PENDING')) AS refund,
               EXISTS (SELECT FROM disputes d WHERE d.tenant_id = $1 AND d.order_id = ANY($2) AND d.status IN ('NEEDS_RESPONSE', 'UNDER_REVIEW')) AS dispute,
               EXISTS (SELECT FROM orders o WHERE o.tenant_id = $1 AND o.id = ANY($2) AND o.paid_at IS NOT NULL AND o.total_amount > 0
                       AND NOT EXISTS (SELECT FROM invoices i WHERE i.tenant_id = o.tenant_id AND i.order_id = o.id AND i.kind = 'INVOICE')) AS invoice
        """,
        caller.tenant_id,
        order_ids,
        account_id,
    )
    assert row is not None, "a row without a table"
    return [words for name, words in rules.OBSTACLES.items() if row[name]]


async def _erase_orders(caller: Caller, order_ids: list[UUID]) -> None:
    """Names, addresses, where in a country, and what buyers wrote. The country stays: the tax is of it."""
    await database.fetch("UPDATE orders SET email = '', name = '', postal_code = NULL WHERE tenant_id = $1 AND id = ANY($2)", caller.tenant_id, order_ids)
    await database.fetch(
        "UPDATE checkouts SET payment_url = NULL, client_secret = NULL, success_url = NULL, cancel_url = NULL WHERE tenant_id = $1 AND order_id = ANY($2)",
        caller.tenant_id,
        order_ids,
    )
    await database.fetch(
        "UPDATE refunds SET reason = $3 WHERE tenant_id = $1 AND order_id = ANY($2) AND requested_by_account_id IS NOT NULL", caller.tenant_id, order_ids, rules.ERASED
    )
    await database.fetch("UPDATE payments SET failure_message = NULL WHERE tenant_id = $1 AND order_id = ANY($2)", caller.tenant_id, order_ids)


async def _erase_gifts(caller: Caller, order_ids: list[UUID], addresses: Sequence[str]) -> None:
    """Whom the buyer gave what with which words, and what others gave to the buyer. That it is a gift is still said by the empty message."""
    lines = await database.fetch(
        "UPDATE order_lines SET gift_email = NULL, gift_message = '' WHERE tenant_id = $1 AND (gift_email IS NOT NULL OR gift_message <> '') "
        "AND (order_id = ANY($2) OR lower(normalize(gift_email, NFKC)) = ANY($3)) RETURNING id",
        caller.tenant_id,
        order_ids,
        list(addresses),
    )
    await database.fetch(
        "UPDATE seat_pools SET message = NULL WHERE tenant_id = $1 AND order_line_id = ANY($2) AND message IS NOT NULL", caller.tenant_id, [row["id"] for row in lines]
    )


async def _erase_uses(caller: Caller, addresses: Sequence[str]) -> None:
    """Uses of coupons by address count no more to whose it was; the coupon's own count stays."""
    await database.fetch("UPDATE coupon_holds SET buyer = $3 WHERE tenant_id = $1 AND lower(normalize(buyer, NFKC)) = ANY($2)", caller.tenant_id, list(addresses), rules.ERASED)


async def _erase_seats(caller: Caller, account_id: UUID | None, addresses: Sequence[str]) -> list[database.Record]:
    """A seat that waits goes on waiting, for whoever brings its code or until it is taken back."""
    return await database.fetch(
        "UPDATE seat_assignments SET email = NULL, email_key = NULL WHERE tenant_id = $1 AND email IS NOT NULL AND (account_id = $2 OR email_key = ANY($3)) RETURNING id, pool_id",
        caller.tenant_id,
        account_id,
        list(addresses),
    )
