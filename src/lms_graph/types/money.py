"""Amounts of money as the schema says them."""

from decimal import Decimal
from typing import Any, NewType, Self

import strawberry
from graphql import GraphQLError

from lms_graph.kit import money
from lms_graph.types.public import WITHIN

CurrencyCode = NewType("CurrencyCode", str)
MAX_DIGITS = 30


def _decimal(value: Any) -> Decimal:
    # A number of JSON has been a float in most clients before it came here, and has lost what matters.
    if not isinstance(value, str) or len(value) > MAX_DIGITS:
        raise GraphQLError(f'A decimal is a string, such as "19.90", of at most {MAX_DIGITS} characters.')
    try:
        amount = Decimal(value)
    except ArithmeticError:
        raise GraphQLError('A decimal is written in a string, such as "19.90".') from None
    if amount.is_finite() and abs(amount.adjusted()) > MAX_DIGITS:
        raise GraphQLError(f"A decimal has at most {MAX_DIGITS} digits.")  # else `1e999999999` would be written out somewhere
    return amount  # what a number may be, and whether NaN is one, is for the rule that takes it


def _currency(value: Any) -> CurrencyCode:
    if not isinstance(value, str) or value not in money.EXPONENTS:
        raise GraphQLError("A currency is a code of ISO 4217 in capitals, such as EUR.")
    return CurrencyCode(value)


DECIMAL = strawberry.scalar(
    name="Decimal",
    description='An exact decimal in a string, such as "19.90"; numbers of JSON are refused, for they are floats in most clients.',
    serialize=lambda value: format(value, "f"),
    parse_value=_decimal,
)
CURRENCY_CODE = strawberry.scalar(
    name="CurrencyCode",
    description="A currency's three letters by ISO 4217, in capitals, such as `EUR`.",
    specified_by_url="https://www.iso.org/iso-4217-currency-codes.html",
    serialize=str,
    parse_value=_currency,
)


@strawberry.type(description="An amount of money, exact.", directives=[WITHIN])
class Money:
    amount: Decimal = strawberry.field(description="In the currency's main unit, with exactly the decimals that the currency has: `10.50` EUR, `1050` JPY, `1.500` KWD.")
    currency: CurrencyCode = strawberry.field(description="Its currency.")

    @classmethod
    def of(cls, amount: int, currency: str) -> Self:
        """From minor units."""
        return cls(amount=money.to_decimal(amount, currency), currency=CurrencyCode(currency))

    @classmethod
    def maybe(cls, amount: int | None, currency: str) -> Self | None:
        return None if amount is None else cls.of(amount, currency)


@strawberry.input(description="An amount of money, exact.")
class MoneyInput:
    amount: Decimal = strawberry.field(description="In the currency's main unit, with no more decimals than the currency has; a string.")
    currency: CurrencyCode = strawberry.field(description="Its currency.")
