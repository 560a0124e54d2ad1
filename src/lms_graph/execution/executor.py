"""The executor: graphql-core's own, but for running compiled operations breadth-first."""

from typing import Any

from graphql import DocumentNode, GraphQLError, GraphQLSchema
from graphql.execution.executor import default_field_resolver, default_type_resolver
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext

from lms_graph.execution import internals
from lms_graph.execution.operations import Operation, operation_of
from lms_graph.execution.plans import Plan
from lms_graph.execution.run import Run

internals.check()


class CompiledExecutor(StrawberryGraphQLCoreExecutionContext):
    """Strawberry's `execution_context_class`, and graphql-core's `executor_class`. Answers as graphql-core does; README.md says what is left to it, and where the two may differ."""

    known: Operation | None = None

    @classmethod
    def build(
        cls,
        schema: GraphQLSchema,
        document: DocumentNode,
        root_value: Any = None,
        context_value: Any = None,
        raw_variable_values: dict[str, Any] | None = None,
        operation_name: str | None = None,
        field_resolver: Any = None,
        type_resolver: Any = None,
        subscribe_field_resolver: Any = None,
        max_coercion_errors: int = 50,
        enable_early_execution: bool = False,
        middleware: Any = None,
        *args: Any,
        **kwargs: Any,
    ) -> Any:
        """As graphql-core builds it, but for what is known of the operation and need not be found again."""
        known = operation_of(schema, document, operation_name)
        values = known.variables.values(raw_variable_values or {}) if known and known.variables and middleware is None else None
        if known is None or values is None:
            built = super().build(
                schema,
                document,
                root_value,
                context_value,
                raw_variable_values,
                operation_name,
                field_resolver,
                type_resolver,
                subscribe_field_resolver,
                max_coercion_errors,
                enable_early_execution,
                middleware,
                *args,
                **kwargs,
            )
        else:
            built = cls(
                schema,
                known.fragment_definitions,
                known.fragments,
                root_value,
                context_value,
                known.node,
                values,
                field_resolver or default_field_resolver,
                type_resolver or default_type_resolver,
                subscribe_field_resolver or default_field_resolver,
                enable_early_execution,
                None,
                *args,
                **kwargs,
            )
        if isinstance(built, cls):
            built.known = known
        return built

    is_left_to_graphql_core: bool = False

    def execute_operation(self, serially: bool | None = None) -> Any:
        plan = self._plan()
        self.is_left_to_graphql_core = plan is None
        return super().execute_operation(serially) if plan is None else Run(self, plan).start(serially)

    def _plan(self) -> Plan | None:
        if self.known is None or self.abort_signal is not None or (self.middleware_manager is not None and self.middleware_manager.middlewares):
            return None
        try:
            return self.known.plan(self)
        except (GraphQLError, RecursionError):  # graphql-core tells it as it should be told
            return None
