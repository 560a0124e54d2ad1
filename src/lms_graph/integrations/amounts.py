"""Amounts of money as people of a language read them."""

from babel import Locale
from babel.numbers import parse_pattern

from lms_graph.kit import money


def told(minor: int, currency: str, locale: Locale) -> str:
    """`1.234,56 €`, `¥1,050`: with as many decimals as ISO gives the currency, which for some are others than the locale's custom."""
    pattern = parse_pattern(locale.currency_formats["standard"].pattern)
    decimals = money.EXPONENTS[currency]
    pattern.frac_prec = (decimals, decimals)
    written: str = pattern.apply(money.to_decimal(minor, currency), locale, currency=currency, currency_digits=False)
    return written
