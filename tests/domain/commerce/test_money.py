"""Amounts are exact in every currency, and nothing is lost where they are parted."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lms_graph.kit import money

amounts = st.integers(-money.MAX_AMOUNT, money.MAX_AMOUNT)


class TestMinorUnits:
    @pytest.mark.parametrize(
        ("amount", "currency", "minor"), [("19.90", "EUR", 1990), ("19.9", "EUR", 1990), ("1050", "JPY", 1050), ("1.500", "KWD", 1500), ("-0.01", "USD", -1), ("0", "CLF", None)]
    )
    def test_are_those_of_the_currency(self, amount: str, currency: str, minor: int | None) -> None:
        if minor is None:
            assert currency not in money.EXPONENTS
        else:
            assert money.to_minor(Decimal(amount), currency) == minor

    @pytest.mark.parametrize(("amount", "currency"), [("0.001", "EUR"), ("0.5", "JPY"), ("NaN", "EUR"), ("Infinity", "EUR"), ("1e30", "EUR"), ("1000000000000.01", "EUR")])
    def test_refuse_what_the_currency_cannot_hold(self, amount: str, currency: str) -> None:
        with pytest.raises(ValueError, match=r"."):
            money.to_minor(Decimal(amount), currency)

    @given(amounts, st.sampled_from(sorted(money.EXPONENTS)))
    def test_go_there_and_back(self, amount: int, currency: str) -> None:
        shown = money.to_decimal(amount, currency)

        assert money.to_minor(shown, currency) == amount
        assert max(0, -int(shown.as_tuple().exponent)) == money.EXPONENTS[currency]


class TestChargeStep:
    @pytest.mark.parametrize(("amount", "currency", "minor"), [("1.250", "KWD", 1250), ("12", "MGA", 1200), ("0.01", "EUR", 1), ("1", "JPY", 1), ("0", "TND", 0)])
    def test_holds_what_can_be_charged(self, amount: str, currency: str, minor: int) -> None:
        assert money.to_charge(Decimal(amount), currency) == minor

    @pytest.mark.parametrize(("amount", "currency", "step"), [("1.255", "KWD", "0.010"), ("0.009", "BHD", "0.010"), ("12.20", "MGA", "1.00")])
    def test_refuses_what_cannot(self, amount: str, currency: str, step: str) -> None:
        with pytest.raises(ValueError, match=f"{currency} are multiples of {step}"):
            money.to_charge(Decimal(amount), currency)

    def test_rounds_halves_up(self) -> None:
        assert [money.in_steps(amount, 10) for amount in (0, 4, 5, 14, 15)] == [0, 0, 10, 10, 20]


class TestSplit:
    @given(amounts, st.lists(st.integers(0, 10**9), min_size=1, max_size=30))
    def test_parts_make_the_whole_and_are_off_by_less_than_a_unit(self, amount: int, weights: list[int]) -> None:
        parts = money.split(amount, weights)
        whole = sum(weights) or len(weights)

        assert sum(parts) == amount
        assert all(abs(got * whole - amount * (weight if any(weights) else 1)) < whole for got, weight in zip(parts, weights, strict=True))
        assert all(got == 0 for got, weight in zip(parts, weights, strict=True) if any(weights) and weight == 0)

    def test_equal_remainders_go_to_the_first(self) -> None:
        assert money.split(100, [1, 1, 1]) == [34, 33, 33]
        assert money.split(-100, [1, 1, 1]) == [-34, -33, -33]
        assert money.split(0, []) == []

    @pytest.mark.parametrize(("amount", "weights"), [(1, []), (1, [2, -1])])
    def test_refuses_what_cannot_be_split(self, amount: int, weights: list[int]) -> None:
        with pytest.raises(ValueError, match="Weights"):
            money.split(amount, weights)


class TestPart:
    @pytest.mark.parametrize(
        ("amount", "numerator", "denominator", "is_part"), [(1000, 15, 100, 150), (5, 1, 2, 3), (-5, 1, 2, -3), (4, 1, 3, 1), (1, 1, 3, 0), (199, 190_000, 1_190_000, 32)]
    )
    def test_rounds_halves_away_from_zero(self, amount: int, numerator: int, denominator: int, is_part: int) -> None:
        assert money.part(amount, numerator, denominator) == is_part


class TestToParts:
    @pytest.mark.parametrize(
        ("percent", "whole", "parts"), [("12.5", money.WHOLE_BPS, 1250), ("1e1", money.WHOLE_BPS, 1000), ("8.875", money.WHOLE_PPM, 88750), ("100", money.WHOLE_BPS, 10000)]
    )
    def test_are_exact(self, percent: str, whole: int, parts: int) -> None:
        assert money.to_parts(Decimal(percent), whole) == parts

    @pytest.mark.parametrize("percent", ["NaN", "sNaN", "Infinity", "-1", "100.01", "0.001", "1e30"])
    def test_refuse_what_is_no_percentage_or_too_fine(self, percent: str) -> None:
        with pytest.raises(ValueError, match="at most 2 decimals"):
            money.to_parts(Decimal(percent), money.WHOLE_BPS)
