"""How a line is split and taken back: exact whatever the numbers."""

from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lms_graph.domain.payouts.rules import splits
from lms_graph.domain.payouts.rules.splits import CourseTerms, Share
from lms_graph.models.payouts import Party

IDA, OLE, ANN = UUID(int=1), UUID(int=2), UUID(int=3)
ONE, TWO = UUID(int=11), UUID(int=12)
PLAIN = CourseTerms(commission_bps=1000)

bps = st.integers(0, 10_000)
terms_of = st.builds(CourseTerms, commission_bps=bps, instructors=st.lists(st.tuples(st.uuids(), bps), max_size=4))


def amounts(shares: list[Share]) -> dict[tuple[Party, UUID | None], int]:
    found: dict[tuple[Party, UUID | None], int] = {}
    for share in shares:
        key = (share.party, share.account_id)
        found[key] = found.get(key, 0) + share.amount
    return found


def split(net: int, tax: int = 0, **more: object) -> dict[tuple[Party, UUID | None], int]:
    given_terms = {None: PLAIN, ONE: CourseTerms(commission_bps=1000, instructors=[(IDA, 6000), (OLE, 2000)]), TWO: CourseTerms(commission_bps=500)}
    values: dict[str, object] = {"courses": [(ONE, 1)], "terms": given_terms, "affiliate": None, "fee_tax_ppm": 0, "is_pooled": False}
    return amounts(splits.split_line(net=net, tax=tax, **values | more))  # type: ignore[arg-type]


class TestSplitLine:
    def test_commission_first_then_the_instructors_parts_of_what_is_left(self) -> None:
        assert split(10000, 1900) == {
            (Party.PLATFORM, None): 1000,
            (Party.INSTRUCTOR, IDA): 5400,
            (Party.INSTRUCTOR, OLE): 1800,
            (Party.SCHOOL, None): 1800,
            (Party.TAX, None): 1900,
        }

    def test_who_brought_the_buyer_comes_before_all(self) -> None:
        assert split(10000, affiliate=(ANN, 3000)) == {
            (Party.AFFILIATE, ANN): 3000, (Party.PLATFORM, None): 1000, (Party.INSTRUCTOR, IDA): 3600, (Party.INSTRUCTOR, OLE): 1200, (Party.SCHOOL, None): 1200,
        }  # fmt: skip

    def test_tax_on_the_fee_is_taken_beside_the_fee(self) -> None:
        assert split(10000, courses=[(TWO, 1)], fee_tax_ppm=190_000) == {(Party.PLATFORM, None): 500, (Party.FEE_TAX, None): 95, (Party.SCHOOL, None): 9405}

    def test_a_bundle_is_parted_by_list_prices_each_course_by_its_own_terms(self) -> None:
        assert split(10001, courses=[(ONE, 2), (TWO, 1)]) == {
            (Party.PLATFORM, None): 667 + 167, (Party.INSTRUCTOR, IDA): 3600, (Party.INSTRUCTOR, OLE): 1200, (Party.SCHOOL, None): 1200 + 3167,
        }  # fmt: skip

    def test_what_is_pooled_waits_for_the_end_of_the_period(self) -> None:
        assert split(10000, 0, courses=[], is_pooled=True) == {(Party.PLATFORM, None): 1000, (Party.POOL, None): 9000}

    def test_parts_that_make_more_than_a_whole_are_cut_in_proportion(self) -> None:
        terms = {None: PLAIN, ONE: CourseTerms(commission_bps=0, instructors=[(IDA, 9000), (OLE, 9000)])}
        assert split(1001, terms=terms) == {(Party.INSTRUCTOR, IDA): 501, (Party.INSTRUCTOR, OLE): 500}

    @given(
        st.integers(0, 10**12), st.integers(0, 10**11), st.lists(st.tuples(st.uuids(), st.integers(0, 10**9)), max_size=5), st.data(), st.none() | st.tuples(st.uuids(), bps),
        st.integers(0, 1_000_000), st.booleans(),
    )  # fmt: skip
    def test_parts_make_the_line_and_none_is_negative(
        self, net: int, tax: int, courses: list[tuple[UUID, int]], data: st.DataObject, affiliate: tuple[UUID, int] | None, fee_tax_ppm: int, is_pooled: bool
    ) -> None:
        terms: dict[UUID | None, CourseTerms] = {None: data.draw(terms_of)} | {id: data.draw(terms_of) for id, _ in courses}

        shares = splits.split_line(net=net, tax=tax, courses=courses, terms=terms, affiliate=affiliate, fee_tax_ppm=fee_tax_ppm, is_pooled=is_pooled)

        assert sum(share.amount for share in shares) == net + tax
        assert all(share.amount > 0 for share in shares)
        assert sum(share.amount for share in shares if share.party is Party.TAX) == tax


class TestTakeBack:
    @given(st.lists(st.integers(0, 10**9), min_size=1, max_size=8), st.lists(st.floats(0, 1), max_size=6))
    def test_all_goes_back_in_however_many_steps_and_never_more(self, parts: list[int], steps: list[float]) -> None:
        remaining = list(parts)
        for step in [*(int(sum(parts) * step) for step in steps), sum(parts)]:
            step = min(step, sum(remaining))
            given_back = splits.take_back(step, remaining)
            assert sum(given_back) == step
            assert all(0 <= part <= left for part, left in zip(given_back, remaining, strict=True))
            remaining = [left - part for left, part in zip(remaining, given_back, strict=True)]
        assert remaining == [0] * len(parts)

    @pytest.mark.parametrize("amount", [-1, 11])
    def test_refuses_more_than_remains(self, amount: int) -> None:
        with pytest.raises(ValueError, match="remain"):
            splits.take_back(amount, [4, 6])

    def test_of_nothing_nothing_goes_back(self) -> None:
        assert splits.take_back(0, []) == []


def test_a_person_is_one_party_whatever_the_course() -> None:
    shares = splits.split_line(
        net=999,
        tax=0,
        courses=[(uuid4(), 1), (uuid4(), 1)],
        terms={None: CourseTerms(commission_bps=0, instructors=[(IDA, 10_000)])},
        affiliate=None,
        fee_tax_ppm=0,
        is_pooled=False,
    )
    assert amounts(shares) == {(Party.INSTRUCTOR, IDA): 999}
