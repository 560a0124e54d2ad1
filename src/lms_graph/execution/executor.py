"""The executor: graphql-core's own, but for running compiled operations breadth-first."""

from typing import Any

from graphql import DocumentNode, GraphQLError, GraphQLSchema
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext

from lms_graph.execution import internals
from lms_graph.execution.plans import Plan, plan_of
from lms_graph.execution.run import Run

internals.check()


class CompiledExecutor(StrawberryGraphQLCoreExecutionContext):
    """Strawberry's `execution_context_class`, and graphql-core's `executor_class`. Answers as graphql-core does; README.md says what is left to it, and where the two may differ."""

    document: DocumentNode | None = None

    @classmethod
    def build(cls, schema: GraphQLSchema, document: DocumentNode, *args: Any, **kwargs: Any) -> Any:
        built = super().build(schema, document, *args, **kwargs)
        if isinstance(built, cls):
            built.document = document
        return built

    is_left_to_graphql_core: bool = False

    def execute_operation(self, serially: bool | None = None) -> Any:
        plan = self._plan()
        self.is_left_to_graphql_core = plan is None
        return super().execute_operation(serially) if plan is None else Run(self, plan).start(serially)

    def _plan(self) -> Plan | None:
        if self.document is None or self.abort_signal is not None or (self.middleware_manager is not None and self.middleware_manager.middlewares):
            return None
        try:
            return plan_of(self, self.document)
        except (GraphQLError, RecursionError):  # graphql-core tells it as it should be told
            return None
