"""Inputs of which exactly one field is given."""

from graphql import GraphQLOneOfDirective
from strawberry import schema_directives
from strawberry.schema_directive import Location, schema_directive


@schema_directive(locations=[Location.INPUT_OBJECT], name="oneOf", description=GraphQLOneOfDirective.description)
class OneOf(schema_directives.OneOf):
    """`@oneOf`. Strawberry's own has no description, and everything in our schema has one."""
