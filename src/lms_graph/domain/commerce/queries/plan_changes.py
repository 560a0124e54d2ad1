"""What a plan would become with another offer, and what that would cost at once."""

from uuid import UUID

from lms_graph.domain.commerce import errors
from lms_graph.domain.commerce.queries import quotes
from lms_graph.domain.commerce.queries.quotes import Buyer, Wanted
from lms_graph.domain.commerce.rules import plans as rules
from lms_graph.domain.commerce.rules.plans import Target
from lms_graph.domain.payouts.ports import PaymentGateway
from lms_graph.kit.caller import Caller
from lms_graph.kit.permissions import Permission
from lms_graph.models import database
from lms_graph.models.commerce import OfferKind, OfferSubject


async def target(*, caller: Caller, subscription_id: UUID, offer_id: UUID, gateway: PaymentGateway) -> Target:
    """Of one's own plan, or with REFUNDS_DECIDE of anybody's. Asks the provider: never inside a unit of work.

    Raises SignedOut, SubscriptionNotFound, PlanNotChangeable, OfferNotFound, OfferNotSold, PaymentRefused, Unavailable.
    """
    caller.identity  # noqa: B018  # raises SignedOut
    plan = await database.fetch_one(
        "SELECT s.account_id, s.offer_id, s.terms, s.currency, s.provider_subscription_id, s.installments_total, o.email, o.country, o.postal_code, o.market, o.is_tax_included FROM subscriptions s "
        "JOIN orders o ON o.tenant_id = s.tenant_id AND o.id = s.first_order_id WHERE s.tenant_id = $1 AND s.id = $2 AND ($3 OR s.account_id = $4)",
        caller.tenant_id,
        subscription_id,
        caller.may(Permission.REFUNDS_DECIDE),
        caller.account_id,
    )
    if plan is None:
        raise errors.SubscriptionNotFound()
    if plan["installments_total"] is not None or plan["provider_subscription_id"] is None:
        raise errors.PlanNotChangeable("A purchase in installments cannot become another.")
    if plan["offer_id"] == offer_id:
        raise errors.PlanNotChangeable("The plan is one for this offer already.")
    buyer = Buyer(account_id=plan["account_id"], email=plan["email"], country=plan["country"], postal_code=plan["postal_code"])
    quote = await quotes.quote(caller=caller, wanted=[Wanted(offer_id=offer_id)], buyer=buyer, market=plan["market"], gateway=gateway)
    line = quote.lines[0]
    if line.offer_kind is not OfferKind.RECURRING or line.subject is OfferSubject.SEATS:
        raise errors.PlanNotChangeable("A plan can become one for another offer that is paid each month or year.")
    subjects = {database.from_json(plan["terms"])["subject"], line.subject.value}
    if len(subjects) > 1 and OfferSubject.INSTRUCTOR_PREMIUM in subjects:
        raise errors.PlanNotChangeable("A plan for premium instructors cannot become one for learners, nor the other way round. End this plan, and begin the other.")
    if quote.currency != plan["currency"] or quote.is_tax_included != plan["is_tax_included"]:
        raise errors.PlanNotChangeable("The other offer is sold in another currency, or tax is shown otherwise now. End this plan, and begin the other.")
    terms = {**line.terms, "subject": line.subject.value, "subject_id": str(line.subject_id) if line.subject_id else None, "title": line.title}
    amount = rules.each_payment(terms, is_tax_included=plan["is_tax_included"])
    await database.pause_reading()
    due = await gateway.preview_change(plan["provider_subscription_id"], amount=amount, currency=plan["currency"], interval=terms["interval"], title=line.title)
    return Target(amount, due, plan["currency"], terms)
