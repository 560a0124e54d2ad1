"""Currencies as Stripe counts them, which is not as ISO does. https://docs.stripe.com/currencies"""

from decimal import Decimal

from lms_graph.integrations.twins.stripe.errors import invalid

ZERO_DECIMAL = frozenset("bif clp djf gnf jpy kmf krw mga pyg rwf vnd vuv xaf xof xpf".split())
THREE_DECIMAL = frozenset("bhd jod kwd omr tnd".split())
WHOLE_IN_TWO_DECIMALS = frozenset({"isk", "ugx"})
"""Counted with two decimals that must be 00."""
TWO_DECIMAL = frozenset(
    "aed afn all amd ang aoa ars aud awg azn bam bbd bdt bgn bmd bnd bob brl bsd bwp byn bzd cad cdf chf cny cop crc cve czk dkk dop dzd egp etb eur fjd fkp gbp gel gip gmd gtq gyd hkd "
    "hnl htg huf idr ils inr jmd kes kgs khr kyd kzt lak lbp lkr lrd lsl mad mdl mkd mmk mnt mop mur mvr mwk mxn myr mzn nad ngn nio nok npr nzd pab pen pgk php pkr pln qar ron rsd rub "
    "sar sbd scr sek sgd shp sle sos srd std szl thb tjs top try ttd twd tzs uah usd uyu uzs wst xcd yer zar zmw".split()
)
KNOWN = ZERO_DECIMAL | THREE_DECIMAL | WHOLE_IN_TWO_DECIMALS | TWO_DECIMAL
MINIMUM = {
    "usd": 50,
    "eur": 50,
    "gbp": 30,
    "chf": 50,
    "cad": 50,
    "aud": 50,
    "jpy": 50,
    "sek": 300,
    "dkk": 250,
    "nok": 300,
    "pln": 200,
    "czk": 1500,
    "huf": 17500,
    "inr": 50,
    "brl": 50,
    "mxn": 1000,
}
MOST = 99_999_999


def known(currency: str, param: str = "currency") -> str:
    """The code in lower case. Raises for one that Stripe does not have."""
    lower = currency.lower()
    if lower not in KNOWN:
        raise invalid(f"Invalid currency: {currency}. Stripe currently supports these currencies: {', '.join(sorted(KNOWN))}", param)
    return lower


def chargeable(amount: int, currency: str, param: str = "amount") -> None:
    """Raises unless the amount can be charged at once: not too little, not too much, and of the currency's smallest coin."""
    divisible(amount, currency, param)
    if amount < MINIMUM.get(currency, 1):
        raise invalid(f"Amount must be at least {MINIMUM.get(currency, 1)} {currency}", param, "amount_too_small")
    if amount > MOST * (10_000 if currency in ZERO_DECIMAL | {"idr", "cop", "huf"} else 1):
        raise invalid("Amount must be no more than $999,999.99", param, "amount_too_large")


def divisible(amount: int, currency: str, param: str = "amount") -> None:
    if amount < 0:
        raise invalid("This value must be greater than or equal to 0.", param, "parameter_invalid_integer")
    if (currency in THREE_DECIMAL and amount % 10) or (currency in WHOLE_IN_TWO_DECIMALS and amount % 100):
        raise invalid(f"Invalid {param}: amounts in {currency} must be a multiple of {10 if currency in THREE_DECIMAL else 100}.", param)


def told(minor: int, currency: str) -> str:
    """An amount for people: 3900 of `eur` is `39.00 EUR`."""
    places = 0 if currency in ZERO_DECIMAL else 3 if currency in THREE_DECIMAL else 2
    return f"{Decimal(minor).scaleb(-places)} {currency.upper()}"
