"""Money as whole minor units of an ISO 4217 currency; never a float. Amounts of two currencies are never added.

How many decimals a currency has is ISO's list one of 2026-01 (SIX, https://www.six-group.com/en/products-services/financial-information/data-standards.html). A payment
provider may count some currencies otherwise: its adapter says so. In some, nothing as fine as the smallest unit can be charged: what buyers pay and get back is in whole
charge steps, while what is only parted on paper (taxes within a price, shares) stays exact.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

WHOLE_BPS, WHOLE_PPM = 10_000, 1_000_000  # what basis points and millionths are parts of
MAX_AMOUNT = 10**14  # minor units: a hundred of these sums still fit into PostgreSQL's bigint
_TWO = (
    "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CNY COP CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP "
    "GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD PAB "
    "PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD UYU UZS VED VES WST XCD XCG YER ZAR ZMW ZWG"
)
EXPONENTS: dict[str, int] = {
    **dict.fromkeys(_TWO.split(), 2),
    **dict.fromkeys(("BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "VND", "VUV", "XAF", "XOF", "XPF"), 0),
    **dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3),
}
"""The decimals of each currency in which something can be sold."""
CHARGE_STEPS: dict[str, int] = {**dict.fromkeys(("BHD", "JOD", "KWD", "OMR", "TND"), 10), "MGA": 100}
"""In minor units, what each amount that is charged is a multiple of, where that is not one: payment providers take no third decimal, and no fifths of an ariary."""


@dataclass(frozen=True)
class Amount:
    """Minor units, and of what."""

    minor: int
    currency: str


def to_minor(amount: Decimal, currency: str) -> int:
    """The amount in minor units. Raises ValueError where it has more decimals than the currency, is not finite, or is past `MAX_AMOUNT`."""
    try:
        scaled = amount.scaleb(EXPONENTS[currency])
        if not amount.is_finite() or scaled != scaled.to_integral_value():
            raise ValueError(f"{currency} has {EXPONENTS[currency]} decimals.")
    except InvalidOperation:
        raise ValueError("That is no amount.") from None
    if abs(scaled) > MAX_AMOUNT:
        raise ValueError("That is more than can be kept.")
    return int(scaled)


def to_decimal(amount: int, currency: str) -> Decimal:
    """Minor units as a decimal with exactly the currency's places: 1050 EUR is `10.50`, 1050 JPY `1050`."""
    return Decimal(amount).scaleb(-EXPONENTS[currency])


def charge_step(currency: str) -> int:
    """What each amount in the currency that is charged is a multiple of, in minor units."""
    return CHARGE_STEPS.get(currency, 1)


def to_charge(amount: Decimal, currency: str) -> int:
    """The amount in minor units, if it can be charged. Raises ValueError as `to_minor` does, and where it is no multiple of the currency's charge step."""
    minor = to_minor(amount, currency)
    if minor % charge_step(currency):
        raise ValueError(f"Payments in {currency} are multiples of {to_decimal(charge_step(currency), currency)}.")
    return minor


def to_parts(percent: Decimal, whole: int) -> int:
    """A percentage as parts of a whole: of 10,000, basis points; of 1,000,000, millionths. Raises ValueError for what is not from 0 to 100, or finer than such a part."""
    if not percent.is_finite() or not 0 <= percent <= 100 or percent * whole / 100 != int(percent * whole / 100):
        raise ValueError(f"A percentage is from 0 to 100, with at most {len(str(whole)) - 3} decimals.")
    return int(percent * whole / 100)


def part(amount: int, numerator: int, denominator: int) -> int:
    """`amount · numerator / denominator`, halves away from zero, in whole numbers throughout."""
    product = amount * numerator
    size, rest = divmod(abs(product), abs(denominator))
    rounded = size + (2 * rest >= abs(denominator))
    return rounded if (product >= 0) == (denominator > 0) else -rounded


def in_steps(amount: int, step: int) -> int:
    """The amount in whole steps, halves away from zero."""
    return part(amount, 1, step) * step


def split(amount: int, weights: Sequence[int]) -> list[int]:
    """The amount over the weights by largest remainder: the parts sum up to it exactly, none is off by a whole unit, and equal remainders go to those who come first.

    Weights are none negative. Where all are zero, they count as equal; with no weights there must be nothing to split. Raises ValueError.
    """
    if any(weight < 0 for weight in weights) or (not weights and amount):
        raise ValueError("Weights are none negative, and there is at least one.")
    if not weights:
        return []
    if not any(weights):
        weights = [1] * len(weights)
    total, sign = sum(weights), -1 if amount < 0 else 1
    parts, rests = zip(*(divmod(abs(amount) * weight, total) for weight in weights), strict=True)
    left = abs(amount) - sum(parts)
    lucky = set(sorted(range(len(weights)), key=lambda index: (-rests[index], index))[:left])
    return [sign * (size + (index in lucky)) for index, size in enumerate(parts)]
