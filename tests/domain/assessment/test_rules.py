"""Rules of assessment: what kinds of question accept, show and give, and how scores are made."""

from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as some

from lms_graph.domain.assessment.rules import kinds, multiple_choice, scoring, single_choice, true_false
from lms_graph.domain.assessment.rules.lots import Lot
from lms_graph.kit.errors import Invalid
from lms_graph.models.assessment import QuestionKind
from tests.factories.quizzes import choice

seeds = some.integers(min_value=0, max_value=2**63 - 1)
points = some.decimals(min_value=Decimal("0.01"), max_value=Decimal(1000), places=2)


@some.composite
def bodies(draw: Any, *, multiple: bool) -> dict[str, Any]:
    count = draw(some.integers(2, 20))
    right = draw(some.sets(some.integers(0, count - 1), min_size=1, max_size=count if multiple else 1))
    return {"multiple": multiple, "options": [{"key": f"k{n}", "text": f"Text {n}", "correct": n in right, "feedback": f"On {n}" if n % 2 else None} for n in range(count)]}


class TestChoice:
    @given(body=bodies(multiple=True), seed=seeds, chosen=some.sets(some.integers(0, 19)), shuffle=some.booleans())
    def test_a_multiple_choice_gives_right_less_wrong_over_right(self, body: dict[str, Any], seed: int, chosen: set[int], shuffle: bool) -> None:
        sealed = multiple_choice.seal(body, "q", Lot(seed), shuffle=shuffle)
        taken = [option for number, option in enumerate(body["options"]) if number in chosen]
        ids = {key: id for id, key in sealed["options"]}
        response = multiple_choice.read(sealed, {"choice": [ids[option["key"]] for option in taken]}, ())

        fraction = multiple_choice.grade(body, sealed, response)

        right, hit = sum(o["correct"] for o in body["options"]), sum(o["correct"] for o in taken)
        assert fraction == max(Fraction(0), Fraction(hit - (len(taken) - hit), right))
        assert 0 <= fraction <= 1
        assert (fraction == 1) == (taken == [option for option in body["options"] if option["correct"]])

    @given(body=bodies(multiple=False), seed=seeds, place=some.integers(0, 19))
    def test_a_single_choice_gives_all_or_nothing(self, body: dict[str, Any], seed: int, place: int) -> None:
        assume(place < len(body["options"]))
        sealed = single_choice.seal(body, "q", Lot(seed), shuffle=True)
        option = body["options"][place]
        id = next(id for id, key in sealed["options"] if key == option["key"])

        assert single_choice.grade(body, sealed, single_choice.read(sealed, {"choice": [id]}, ())) == int(option["correct"])
        assert single_choice.grade(body, sealed, single_choice.read(sealed, {"choice": []}, ())) == 0

    @given(body=bodies(multiple=True), seed=seeds)
    def test_the_learners_view_holds_every_text_and_no_key(self, body: dict[str, Any], seed: int) -> None:
        sealed = multiple_choice.seal(body, "q", Lot(seed), shuffle=True)

        view = multiple_choice.view(body, sealed)

        assert set(view) == {"multiple", "options"}
        assert all(set(option) == {"id", "text"} for option in view["options"])
        assert {option["text"] for option in view["options"]} == {option["text"] for option in body["options"]}
        assert not {option["id"] for option in view["options"]} & {option["key"] for option in body["options"]}
        assert len({option["id"] for option in view["options"]}) == len(body["options"])

    @given(body=bodies(multiple=True), seed=seeds, other=seeds)
    def test_ids_are_of_one_attempt_and_one_question(self, body: dict[str, Any], seed: int, other: int) -> None:
        assume(seed != other)
        ids = [{id for id, _ in multiple_choice.seal(body, name, Lot(lot), shuffle=True)["options"]} for name, lot in (("q", seed), ("q", other), ("r", seed))]

        assert not ids[0] & ids[1]
        assert not ids[0] & ids[2]

    def test_without_shuffling_the_authors_order_stands(self) -> None:
        body = choice(right=("B",), wrong=("A", "C")).body

        view = single_choice.view(body, single_choice.seal(body, "q", Lot(1), shuffle=False))

        assert [option["text"] for option in view["options"]] == ["B", "A", "C"]

    def test_the_place_and_id_of_an_option_do_not_depend_on_being_right(self) -> None:
        body = choice(right=("A",), wrong=("B", "C", "D")).body
        turned = {**body, "options": [{**option, "correct": option["text"] == "D"} for option in body["options"]]}

        assert single_choice.seal(body, "q", Lot(7), shuffle=True) == single_choice.seal(turned, "q", Lot(7), shuffle=True)

    def test_every_place_is_about_as_likely_for_the_right_option(self) -> None:
        body = choice(right=("A",), wrong=("B", "C", "D")).body
        places = [0, 0, 0, 0]
        for seed in range(2000):
            keys = [key for _, key in single_choice.seal(body, "q", Lot(seed), shuffle=True)["options"]]
            places[keys.index("key-a")] += 1

        assert all(400 < count < 600 for count in places)

    @pytest.mark.parametrize("response", [{}, {"choice": "x"}, {"choice": ["nowhere"]}, {"choice": [1]}, {"trueFalse": True}, {"choice": None}])
    def test_refuses_what_is_no_answer(self, response: dict[str, Any]) -> None:
        sealed = single_choice.seal(choice().body, "q", Lot(1), shuffle=True)

        with pytest.raises(Invalid):
            single_choice.read(sealed, response, ("answer",))

    def test_a_single_choice_refuses_two_and_forgives_one_twice(self) -> None:
        sealed = single_choice.seal(choice().body, "q", Lot(1), shuffle=True)
        first, second, _ = [id for id, _ in sealed["options"]]

        assert single_choice.read(sealed, {"choice": [first, first]}, ()) == [first]
        with pytest.raises(Invalid):
            single_choice.read(sealed, {"choice": [first, second]}, ())

    def test_feedback_is_of_the_chosen_only(self) -> None:
        body = choice(right=("A", "B"), wrong=("C",)).body
        sealed = multiple_choice.seal(body, "q", Lot(1), shuffle=False)
        ids = [id for id, _ in sealed["options"]]

        assert multiple_choice.feedback(body, sealed, [ids[0], ids[2]]) == "About A.\n\nAbout C."
        assert multiple_choice.feedback(body, sealed, []) is None


class TestTrueFalse:
    @given(answer=some.booleans(), response=some.booleans())
    def test_gives_all_or_nothing(self, answer: bool, response: bool) -> None:
        body = {"answer": answer, "feedback": None}

        assert true_false.grade(body, {}, true_false.read({}, {"trueFalse": response}, ())) == int(answer == response)

    def test_shows_nothing_besides_its_prompt(self) -> None:
        assert true_false.view({"answer": True, "feedback": "Yes."}, true_false.seal({"answer": True}, "q", Lot(1), shuffle=True)) == {}

    @pytest.mark.parametrize("response", [{}, {"trueFalse": None}, {"trueFalse": 1}, {"choice": []}])
    def test_refuses_what_is_no_answer(self, response: dict[str, Any]) -> None:
        with pytest.raises(Invalid):
            true_false.read({}, response, ("answer",))


class TestKinds:
    @pytest.mark.parametrize("kind", list(QuestionKind))
    @pytest.mark.parametrize("body", [None, [], "x", {}, {"multiple": "yes"}, {"options": None}, {"options": [1, 2]}, {"answer": None}, {"options": [{}, {}]}])
    def test_a_body_of_another_shape_is_an_issue_and_no_accident(self, kind: QuestionKind, body: Any) -> None:
        issues = kinds.check(kind, body, ("questions", "0"))

        assert issues
        assert all(issue.path[:2] == ("questions", "0") for issue in issues)

    def test_text_that_the_database_cannot_hold_is_an_issue(self) -> None:
        body = choice(right=("A\0",), wrong=("B\ud800",)).body

        assert len(kinds.check(QuestionKind.CHOICE, {**body, "options": [{**o, "key": f"k{n}", "feedback": None} for n, o in enumerate(body["options"])]}, ())) == 2


class TestScoring:
    @given(questions=some.lists(some.tuples(points, some.fractions(min_value=0, max_value=1)), min_size=1, max_size=30))
    def test_a_score_is_a_percentage_and_full_marks_are_exact(self, questions: list[tuple[Decimal, Fraction]]) -> None:
        possible = scoring.total(value for value, _ in questions)
        earned = scoring.total(scoring.earned_points(value, fraction) for value, fraction in questions)

        score = scoring.percent(earned, possible)

        assert Decimal(0) <= score <= Decimal(100)
        assert score == score.quantize(scoring.HUNDREDTH)
        assert (scoring.percent(possible, possible), scoring.percent(Decimal(0), possible)) == (Decimal(100), Decimal(0))

    @given(points, some.fractions(min_value=0, max_value=1))
    def test_a_share_is_off_by_half_a_hundredth_at_most(self, value: Decimal, fraction: Fraction) -> None:
        assert abs(Fraction(scoring.earned_points(value, fraction)) - Fraction(value) * fraction) <= Fraction(1, 200)

    @pytest.mark.parametrize(("earned", "possible", "score"), [("2", "3", "66.67"), ("1", "3", "33.33"), ("1", "16", "6.25"), ("0.01", "32", "0.03"), ("1", "800", "0.13")])
    def test_rounds_half_up(self, earned: str, possible: str, score: str) -> None:
        assert scoring.percent(Decimal(earned), Decimal(possible)) == Decimal(score)

    def test_who_reaches_the_passing_score_passes(self) -> None:
        assert scoring.passes(Decimal("70.00"), Decimal("70"))
        assert not scoring.passes(Decimal("69.99"), Decimal("70"))
