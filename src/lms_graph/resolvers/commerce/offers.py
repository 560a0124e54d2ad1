"""Root fields of offers and quotes."""

from typing import Annotated

import strawberry

from lms_graph.context import Info
from lms_graph.domain.commerce.operations import offers
from lms_graph.domain.commerce.queries import offers as queries
from lms_graph.domain.commerce.queries import quotes
from lms_graph.domain.commerce.queries.quotes import Buyer
from lms_graph.kit.pages import PageRequest
from lms_graph.kit.permissions import Permission
from lms_graph.types.commerce.offers import Offer, OfferArchiveInput, OfferArchivePayload, OfferConnection, OfferSaveInput, OfferSavePayload
from lms_graph.types.commerce.quotes import OfferQuote
from lms_graph.types.connections import After, Before, First, Last
from lms_graph.types.costs import usually
from lms_graph.types.errors import mutation, query
from lms_graph.types.nodes import decode_id, decode_or_none


@strawberry.type
class OffersQuery:
    @query(description="Offers, the latest first: such as are on sale now, and for who holds OFFERS_MANAGE all. Everybody.")
    async def offers(
        self,
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
        subject_id: Annotated[strawberry.ID | None, strawberry.argument(description="Of this course (and its seats), bundle or path alone.")] = None,
    ) -> OfferConnection:
        caller = info.context.caller
        id = decode_id(subject_id, "crs", "bun", "pth", path="subjectId") if subject_id is not None else None
        page = await queries.page_of_offers(caller=caller, cursors=info.context.adapters.cursors, request=PageRequest(first, after, last, before), subject_id=id)
        return OfferConnection.of(page, Offer.from_row, lambda: queries.count_offers(caller=caller, subject_id=id))

    @query(
        description="The ways to get a course that are on sale now, in the order in which they were made, each with what it costs the viewer: the course, bundles, paths, seats, all-access. "
        "Null when the course is not published. Everybody. UNAVAILABLE where the payment provider calculates tax and does not answer; RATE_LIMITED after many unknown codes, or often asked for its tax.",
        cost=20,
        size=usually(5),
    )
    async def offers_for(
        self,
        info: Info,
        course_id: Annotated[strawberry.ID, strawberry.argument(description="The course.")],
        coupon_code: Annotated[str | None, strawberry.argument(description="A coupon to try; where it does not hold, `couponProblem` says why.")] = None,
        market: Annotated[
            str | None,
            strawberry.argument(description="For which country's prices: two letters by ISO 3166, in capitals. That of `country` when left out, else those for everywhere."),
        ] = None,
        country: Annotated[str | None, strawberry.argument(description="Where the buyer is, for the tax; the market when left out, else the seller's country.")] = None,
        region: Annotated[str | None, strawberry.argument(description="Which part of the country, as after the hyphen in ISO 3166-2.")] = None,
        postal_code: Annotated[str | None, strawberry.argument(description="Where in it, for the payment provider's tax calculation.")] = None,
    ) -> list[OfferQuote] | None:
        caller, adapters = info.context.caller, info.context.adapters
        id = decode_or_none(course_id, "crs")
        if id is None or await info.context.loaders.catalog.visible_course.load(id) is None:
            return None
        buyer = Buyer(account_id=caller.account_id, country=country, region=region, postal_code=postal_code)
        gateway = await quotes.tax_gateway(caller=caller, payments=adapters.payments, secret_keys=adapters.secret_keys)
        ways = await quotes.compare(caller=caller, course_id=id, buyer=buyer, coupon_code=coupon_code, market=market, gateway=gateway, throttle=adapters.throttle)
        return [OfferQuote.from_quote(row, quote) for row, quote in ways]


@strawberry.type
class OffersMutation:
    @mutation(
        description="Make an offer, or change one to be as the input says, the whole of it. What was sold stays as it was sold. A FREE offer opens its course to all who enroll (OPEN) while "
        "it is active. Codes: NOT_FOUND, IDEMPOTENCY_CONFLICT, INVALID.",
        requires=[Permission.OFFERS_MANAGE],
    )
    async def offer_save(self, info: Info, input: Annotated[OfferSaveInput, strawberry.argument(description="The offer.")]) -> OfferSavePayload:
        return OfferSavePayload(offer_id=await offers.save_offer(caller=info.context.caller, **input.as_arguments()))

    @mutation(
        description="Sell an offer no more. Who has bought it keeps what they have; a course whose last FREE offer it was takes grants again (BY_GRANT). Again it changes nothing. "
        "Codes: NOT_FOUND.",
        requires=[Permission.OFFERS_MANAGE],
    )
    async def offer_archive(self, info: Info, input: Annotated[OfferArchiveInput, strawberry.argument(description="Which offer.")]) -> OfferArchivePayload:
        return OfferArchivePayload(offer_id=await offers.archive_offer(caller=info.context.caller, **input.as_arguments()))
