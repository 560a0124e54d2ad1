"""What of graphql-core and Strawberry this leans on that is not promised to stay. Checked when the package is imported: a new release that lacks any of it is told at start, not by a wrong answer."""

import inspect

from graphql.execution import collect_fields, executor, get_variable_signature, values
from graphql.type import GraphQLEnumType
from graphql.utilities.coerce_input_value import coerce_default_value
from strawberry.extensions import field_extension
from strawberry.schema import schema, schema_converter
from strawberry.types import arguments, cast
from strawberry.types.field import StrawberryField

PARAMETERS = {
    executor.Executor.build: [
        "schema",
        "document",
        "root_value",
        "context_value",
        "raw_variable_values",
        "operation_name",
        "field_resolver",
        "type_resolver",
        "subscribe_field_resolver",
        "max_coercion_errors",
        "enable_early_execution",
        "middleware",
        "is_awaitable",
        "is_async_iterable",
    ],
    executor.Executor.execute_operation: ["self", "serially"],
    executor.Executor.build_resolve_info: ["self", "field_def", "field_nodes", "parent_type", "path"],
    executor.Executor.complete_leaf_value: ["return_type", "result"],
    executor.Executor.ensure_valid_runtime_type: ["self", "runtime_type_name", "return_type", "field_details_list", "info", "result"],
    executor.Executor.run_async_work_finished_hook: ["self"],
    executor.invalid_return_type_error: ["return_type", "result", "field_details_list"],
    executor.to_nodes: ["field_details_list"],
    executor.default_field_resolver: ["source", "info", "args"],
    collect_fields.collect_fields: ["schema", "fragments", "variable_values", "runtime_type", "operation", "hide_suggestions"],
    collect_fields.collect_subfields: ["schema", "fragments", "variable_values", "operation", "return_type", "field_details_list", "hide_suggestions"],
    executor.Executor.__init__: [
        "self",
        "schema",
        "fragment_definitions",
        "fragments",
        "root_value",
        "context_value",
        "operation",
        "variable_values",
        "field_resolver",
        "type_resolver",
        "subscribe_field_resolver",
        "enable_early_execution",
        "middleware_manager",
    ],
    coerce_default_value: ["input_value"],
    get_variable_signature.get_variable_signature: ["schema", "var_def_node"],
    values.input_is_nested_too_deeply: ["value", "type_"],
    values.get_argument_values: ["type_def", "node", "variable_values", "fragment_variable_values", "hide_suggestions"],
    GraphQLEnumType.coerce_output_value: ["self", "output_value"],
    arguments.convert_argument: ["value", "type_", "scalar_registry", "config"],
    arguments._is_leaf_type: ["type_", "scalar_registry"],
    field_extension.build_field_extension_resolvers: ["field"],
    schema_converter.GraphQLCoreConverter._get_field_exception_handlers: ["self", "field"],
    StrawberryField.get_result: ["self", "source", "info", "args", "kwargs"],
}


class ExecutorNotSupported(ImportError):
    """The installed graphql-core or Strawberry lacks something that the compiled executor relies on."""


def check() -> None:
    """Raises ExecutorNotSupported."""
    missing = []
    for function, expected in PARAMETERS.items():
        found = list(inspect.signature(function).parameters)  # type: ignore[arg-type]
        if found[: len(expected)] != expected:
            missing.append(f"{function.__qualname__} takes {found}, not {expected}")
    if values.VariableValues._fields != ("sources", "coerced"):
        missing.append("VariableValues is not (sources, coerced)")
    if not isinstance(getattr(schema_converter.GraphQLCoreConverter, "DEFINITION_BACKREF", None), str):
        missing.append("GraphQLCoreConverter.DEFINITION_BACKREF")
    if not isinstance(getattr(cast, "TYPE_CAST_ATTRIBUTE", None), str):
        missing.append("strawberry.types.cast.TYPE_CAST_ATTRIBUTE")
    if not issubclass(schema.StrawberryGraphQLCoreExecutionContext, executor.Executor):
        missing.append("StrawberryGraphQLCoreExecutionContext is no Executor")
    if missing:
        raise ExecutorNotSupported(
            "The compiled executor does not know this graphql-core or Strawberry: " + "; ".join(missing) + ". Set LMS_EXECUTOR=plain, or install the versions that are pinned."
        )
