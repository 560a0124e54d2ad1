"""What the platform may say it keeps."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

from lms_graph.kit import money
from lms_graph.kit.errors import Issue

MAX_TIERS = 50


@dataclass(frozen=True, kw_only=True)
class Tier:
    """From so much sold in a month on, the rate of what follows."""

    currency: str
    from_amount: Decimal
    rate_percent: Decimal


def issues_with_commission(*, premium_percent: Decimal | None, fee_tax_percent: Decimal, tiers: Sequence[Tier]) -> Iterator[Issue]:
    if premium_percent is not None and not _is_percent(premium_percent, money.WHOLE_BPS):
        yield Issue("From 0 to 100 percent with at most two decimals.", ("premiumPercent",))
    if not _is_percent(fee_tax_percent, money.WHOLE_PPM):
        yield Issue("From 0 to 100 percent with at most four decimals.", ("feeTaxPercent",))
    if len(tiers) > MAX_TIERS:
        yield Issue(f"At most {MAX_TIERS} tiers.", ("tiers",))
    seen = set()
    for place, tier in enumerate(tiers[:MAX_TIERS]):
        if not _is_percent(tier.rate_percent, money.WHOLE_BPS):
            yield Issue("From 0 to 100 percent with at most two decimals.", ("tiers", str(place), "ratePercent"))
        try:
            minor = money.to_minor(tier.from_amount, tier.currency)
        except ValueError as error:
            yield Issue(str(error), ("tiers", str(place), "from"))
            continue
        if minor <= 0:
            yield Issue("A tier begins above nothing: below the first one the tenant's own share holds.", ("tiers", str(place), "from"))
        if (tier.currency, minor) in seen:
            yield Issue("Another tier begins here.", ("tiers", str(place), "from"))
        seen.add((tier.currency, minor))


def _is_percent(value: Decimal, whole: int) -> bool:
    try:
        money.to_parts(value, whole)
    except ValueError:
        return False
    return True
