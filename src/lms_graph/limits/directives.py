"""The directives with which the schema says what its fields cost, after IBM's specification of GraphQL costs."""

from typing import Any

import strawberry
from strawberry.schema_directive import Location


@strawberry.schema_directive(
    locations=[Location.FIELD_DEFINITION, Location.ARGUMENT_DEFINITION, Location.OBJECT],
    name="cost",
    description="What something adds to the cost of an operation: a field each time it is asked, an argument when it is given, an object each time it is given back. "
    "Without it an object costs 1, and everything else nothing.",
)
class Cost:
    weight: str = strawberry.directive_field(name="weight")


@strawberry.schema_directive(
    locations=[Location.FIELD_DEFINITION],
    name="listSize",
    description="How many items a list counts as. What is asked of an item is counted so many times.",
)
class ListSize:
    assumed_size: int | None = strawberry.directive_field(name="assumedSize", default=None)
    slicing_arguments: list[str] | None = strawberry.directive_field(name="slicingArguments", default=None)
    sized_fields: list[str] | None = strawberry.directive_field(name="sizedFields", default=None)
    require_one_slicing_argument: bool | None = strawberry.directive_field(name="requireOneSlicingArgument", default=None)


def said(definition: Any, kind: type[Any]) -> Any:
    """The directive of this kind on a part of the schema (a field, an argument, a type), or None."""
    stated = definition.extensions.get("strawberry-definition")
    return next((directive for directive in getattr(stated, "directives", None) or () if isinstance(directive, kind)), None)
