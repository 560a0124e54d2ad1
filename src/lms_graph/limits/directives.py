"""The directives with which the schema says what its fields cost, after IBM's specification of GraphQL costs; and for how long others may hold what they give, after Apollo's."""

from enum import Enum
from typing import Any

import strawberry
from strawberry.schema_directive import Location
from strawberry.types.unset import UNSET


@strawberry.schema_directive(
    locations=[Location.FIELD_DEFINITION, Location.ARGUMENT_DEFINITION, Location.OBJECT],
    name="cost",
    description="What something adds to the cost of an operation: a field once where it is asked, an argument where it is given, an object each time it may be given back. "
    "Where nothing is said, an object costs 1 and all else nothing.",
)
class Cost:
    weight: str = strawberry.field(name="weight", description="A whole number.")


@strawberry.schema_directive(
    locations=[Location.FIELD_DEFINITION],
    name="listSize",
    description="How many items a list counts as in the cost of an operation. What is asked of an item is counted so many times.",
)
class ListSize:
    assumed_size: int | None = strawberry.field(name="assumedSize", default=UNSET, description="How many, when no slicing argument says it.")
    slicing_arguments: list[str] | None = strawberry.field(
        name="slicingArguments", default=UNSET, description="Arguments that say how many: a number, or a list by its length. The largest counts."
    )
    sized_fields: list[str] | None = strawberry.field(
        name="sizedFields", default=UNSET, description="Where the field is no list itself: the lists below it whose size this is. Each counts by itself."
    )
    require_one_slicing_argument: bool | None = strawberry.field(
        name="requireOneSlicingArgument", default=UNSET, description="False where `assumedSize` holds without any slicing argument."
    )


@strawberry.enum(description="Whose a value is.")
class CacheControlScope(Enum):
    PUBLIC = strawberry.enum_value("PUBLIC", description="The same for everybody.")
    PRIVATE = strawberry.enum_value("PRIVATE", description="It depends on who asks: nobody else may hold it.")


@strawberry.schema_directive(
    locations=[Location.FIELD_DEFINITION, Location.OBJECT],
    name="cacheControl",
    description="For how long an answer to a visitor who is not signed in may be held and given to others: as long as the least of all that it asks for. "
    "Where nothing is said, a plain value is as the object it is in; an object, and whatever stands at the root, may not be held.",
)
class CacheControl:
    max_age: int | None = strawberry.field(name="maxAge", default=UNSET, description="Seconds.")
    scope: CacheControlScope | None = strawberry.field(name="scope", default=UNSET, description="PUBLIC where it is not said.")
    inherit_max_age: bool | None = strawberry.field(name="inheritMaxAge", default=UNSET, description="True where it is as the object that leads to it.")


def said(definition: Any, kind: type[Any]) -> Any:
    """The directive of this kind on a part of the schema (a field, an argument, a type), or None."""
    stated = definition.extensions.get("strawberry-definition")
    return next((directive for directive in getattr(stated, "directives", None) or () if isinstance(directive, kind)), None)
