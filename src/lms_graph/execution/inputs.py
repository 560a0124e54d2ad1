"""Inputs, built by a function that is made once per type. Strawberry's own asks of each field of each value what it is called, what type it has and how that is converted; the answers never change."""

from collections.abc import Callable, Mapping
from dataclasses import MISSING
from typing import Any

import strawberry
from strawberry import UNSET, Some
from strawberry.relay import GlobalID
from strawberry.schema.schema_converter import GraphQLCoreConverter
from strawberry.types.arguments import InputContext, _is_leaf_type, convert_argument
from strawberry.types.base import StrawberryList, StrawberryMaybe, StrawberryObjectDefinition, StrawberryOptional
from strawberry.types.enum import StrawberryEnumDefinition
from strawberry.types.lazy_type import LazyType

Convert = Callable[[Any], Any]


def compile_inputs(schema: strawberry.Schema) -> None:
    """Let each input type of a schema build its values (Strawberry's `from_input`), in the same way as Strawberry would. Those that do so already stay, and those whose `Maybe` must not be null."""
    for type_ in schema._schema.type_map.values():
        definition = type_.extensions.get(GraphQLCoreConverter.DEFINITION_BACKREF)
        if isinstance(definition, StrawberryObjectDefinition) and definition.is_input and definition.from_input is None and not any(map(_must_not_be_null, definition.fields)):
            definition.from_input = _Builder(definition, schema)


def _must_not_be_null(field: Any) -> bool:
    """Strawberry sees to these while validating, but not where a type builds its own values."""
    return isinstance(field.type, StrawberryMaybe) and not isinstance(field.type.of_type, StrawberryOptional)


class _Builder:
    """Builds the values of one input type. Made when the schema is there, finished when it is first used: types may name each other."""

    def __init__(self, definition: StrawberryObjectDefinition, schema: strawberry.Schema) -> None:
        self._definition = definition
        self._schema = schema
        self._fields: list[tuple[str, str, Convert | None]] | None = None
        self._defaults: dict[str, None] = {}

    def __call__(self, type_: type, value: Mapping[str, Any], context: InputContext) -> Any:
        return self.build(type_, value)

    def build(self, type_: type, value: Mapping[str, Any]) -> Any:
        if self._fields is None:
            self._finish()
        arguments: dict[str, Any] = self._defaults.copy()
        for name, python_name, convert in self._fields or ():
            if name in value:
                found = value[name]
                arguments[python_name] = found if convert is None else convert(found)
        return type_(**arguments)

    def _finish(self) -> None:
        fields = self._definition.fields
        self._defaults = {field.python_name: None for field in fields if field.default_value is MISSING and field.default_factory is MISSING}
        naming = self._schema.config.name_converter
        self._fields = [(naming.from_field(field), field.python_name, conversion(field.resolve_type(type_definition=self._definition), self._schema)) for field in fields]


def conversion(type_: Any, schema: strawberry.Schema) -> Convert | None:
    """What makes a coerced value what a resolver or an input is given (Strawberry's `convert_argument`); None where it is taken as it is."""
    scalars, config = schema.schema_converter.scalar_registry, schema.config
    if isinstance(type_, StrawberryMaybe) and isinstance(type_.of_type, StrawberryOptional):
        inner = conversion(type_.of_type, schema)
        return Some if inner is None else lambda value: Some(inner(value))
    if isinstance(type_, StrawberryOptional) and not isinstance(type_, StrawberryMaybe):
        return conversion(type_.of_type, schema)
    if isinstance(type_, StrawberryList):
        return _of_list(conversion(type_.of_type, schema))
    if isinstance(type_, LazyType):
        return conversion(type_.resolve_type(), schema)
    definition = getattr(type_, "__strawberry_definition__", None)
    if isinstance(definition, StrawberryObjectDefinition) and isinstance(definition.from_input, _Builder):
        build = definition.from_input.build
        return lambda value: value if value is None or value is UNSET else build(type_, value)
    if type_ is not GlobalID and _is_leaf_type(definition if isinstance(definition, StrawberryEnumDefinition) else type_, scalars):
        return None
    return lambda value: convert_argument(value, type_, scalars, config)


def _of_list(convert: Convert | None) -> Convert:
    if convert is None:
        return lambda value: value if value is None or value is UNSET else list(value)  # graphql-core gives the same default to every request
    return lambda value: value if value is None or value is UNSET else [convert(each) for each in value]
