"""Strawberry's resolvers, called without a look-up. Its own asks at each call what the arguments are called and how they are converted, what the resolver wants to be given, and which extensions stand
around it; the answers never change."""

from collections.abc import Callable
from functools import partial, reduce
from typing import Any

from graphql import GraphQLField, GraphQLSchema
from strawberry.extensions import FieldExtension
from strawberry.extensions.field_extension import build_field_extension_resolvers
from strawberry.schema.schema_converter import GraphQLCoreConverter
from strawberry.types.field import StrawberryField

from lms_graph.execution.inputs import conversion

Resolve = Callable[..., Any]

_WRITTEN_BY_STRAWBERRY = f"{GraphQLCoreConverter.__name__}.from_resolver."


def straight(field: GraphQLField, schema: GraphQLSchema) -> Resolve | None:
    """What gives the same as the field's resolver, or the same once awaited; None where Strawberry's has to be called."""
    declared, made_for = field.extensions.get(GraphQLCoreConverter.DEFINITION_BACKREF), getattr(schema, "_strawberry_schema", None)
    if not isinstance(declared, StrawberryField) or made_for is None or declared.base_resolver is None or type(declared).get_result is not StrawberryField.get_result:
        return None
    if not getattr(field.resolve, "__qualname__", "").startswith(_WRITTEN_BY_STRAWBERRY) or made_for.schema_converter._get_field_exception_handlers(declared):
        return None
    if any(type(each).map_arguments is not FieldExtension.map_arguments for each in declared.extensions):
        return None
    resolver, name_of = declared.base_resolver, made_for.config.name_converter.from_argument
    asked_info, info_class = resolver.info_parameter, made_for.config.info_class
    if asked_info is not None and asked_info.name != "info":
        return None
    arguments = [(name_of(each), each.python_name, conversion(each.type, made_for)) for each in declared.arguments]
    sources = [each.name for each in (resolver.parent_parameter, resolver.root_parameter) if each]
    takes_self, takes_info = bool(resolver.self_parameter), asked_info is not None

    def call(source: Any, info: Any, **arguments: Any) -> Any:
        if takes_info:
            arguments["info"] = info
        return resolver(source, **arguments) if takes_self else resolver(**arguments)

    around = reduce(lambda inner, extension: partial(extension, inner), build_field_extension_resolvers(declared), call)

    def resolve(source: Any, info: Any, **given: Any) -> Any:
        converted = {python_name: given[name] if convert is None else convert(given[name]) for name, python_name, convert in arguments if name in given}
        for name in sources:
            converted[name] = source
        return around(source, info_class(_raw_info=info, _field=declared), **converted)

    return resolve
