"""Questions as they lie before a learner. These types have no field for the key: it cannot be asked for."""

from decimal import Decimal
from typing import Any, Self

import strawberry

from lms_graph.kit.ids import public_id
from lms_graph.types.costs import listed
from lms_graph.types.text import FormattedText


@strawberry.interface(description="A question of an attempt, as the learner who sits it sees it: without the key.")
class QuestionPrompt:
    id: strawberry.ID = strawberry.field(description="The question's id, the same in every attempt: for `attemptAnswerSave` and `questionId`.")
    prompt: FormattedText = strawberry.field(description="What is asked; 1 to 20,000 characters of Markdown, all of which the learner can read.")
    points: Decimal = strawberry.field(description="What a full answer earns: 0.01 to 1000.00.")

    @classmethod
    def from_prompt(cls, prompt: Any) -> Self:
        return cls(
            id=strawberry.ID(public_id("qst", prompt.question_id)),
            prompt=FormattedText(markdown=prompt.prompt_markdown, html=prompt.prompt_html),
            points=prompt.points,
            **cls.of_kind(prompt.view),
        )

    @classmethod
    def of_kind(cls, view: dict[str, Any]) -> dict[str, Any]:
        return {}


@strawberry.type(description="One of the answers that can be chosen.")
class PromptOption:
    id: strawberry.ID = strawberry.field(description="Good in this attempt only; says nothing of the option.")
    text: str = strawberry.field(description="Plain text, 1 to 1,000 characters.")


@strawberry.type(description="A question that is answered by choosing options.")
class ChoicePrompt(QuestionPrompt):
    multiple: bool = strawberry.field(
        description="Whether several options may be chosen. Then a share of the points is earned: (right ones chosen − wrong ones chosen) ÷ right ones, never below 0."
    )
    options: list[PromptOption] = listed(5, description="2 to 20 options, in the order of this attempt.")

    @classmethod
    def of_kind(cls, view: dict[str, Any]) -> dict[str, Any]:
        return {"multiple": view["multiple"], "options": [PromptOption(id=strawberry.ID(option["id"]), text=option["text"]) for option in view["options"]]}


@strawberry.type(description="A statement that is either true or false.")
class TrueFalsePrompt(QuestionPrompt):
    pass


KINDS: dict[str, type[QuestionPrompt]] = {"CHOICE": ChoicePrompt, "TRUE_FALSE": TrueFalsePrompt}


def prompt_of(prompt: Any) -> QuestionPrompt:
    """The type of the question's kind."""
    return KINDS[prompt.kind.value].from_prompt(prompt)
