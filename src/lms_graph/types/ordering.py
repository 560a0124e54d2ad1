"""Orders of lists."""

from enum import Enum

import strawberry


@strawberry.enum(description="Up or down.")
class OrderDirection(Enum):
    ASC = strawberry.enum_value("ASC", description="Smallest, earliest, A first.")
    DESC = strawberry.enum_value("DESC", description="Largest, latest, Z first.")


@strawberry.enum(description="By what members are ordered.")
class MemberOrderField(Enum):
    CREATED_AT = strawberry.enum_value("CREATED_AT", description="When the account was made.")
    NAME = strawberry.enum_value("NAME", description="By name, without regard to case.")


@strawberry.input(description="One term of an order; earlier terms go first. Each field at most once.")
class MemberOrder:
    field: MemberOrderField = strawberry.field(description="By what.")
    direction: OrderDirection = strawberry.field(description="Up or down.")


@strawberry.enum(description="By what the catalog is ordered.")
class CourseOrderField(Enum):
    RELEVANCE = strawberry.enum_value("RELEVANCE", description="How well it fits `search`; only together with it.")
    TITLE = strawberry.enum_value("TITLE", description="By title, without regard to case.")
    PUBLISHED_AT = strawberry.enum_value("PUBLISHED_AT", description="When it was first published.")
    POPULARITY = strawberry.enum_value("POPULARITY", description="By number of enrollments.")
    DURATION = strawberry.enum_value("DURATION", description="By length.")
    RATING = strawberry.enum_value("RATING", description="By average rating; courses without reviews come below all others. A moment behind.")
    PRICE = strawberry.enum_value(
        "PRICE",
        description="By the lowest one-time price in the school's currency, for who is in no market of its own; free ones cost nothing, those without such a price come above all others. A moment behind.",
    )


@strawberry.input(description="One term of an order; earlier terms go first. Each field at most once.")
class CourseOrder:
    field: CourseOrderField = strawberry.field(description="By what.")
    direction: OrderDirection = strawberry.field(description="Up or down.")
