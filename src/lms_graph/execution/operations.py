"""What is known of an operation before anybody asks for it: its fragments, how its variables are coerced, whether it is compiled, and the plans made so far."""

from collections import OrderedDict
from typing import Any

from graphql import DocumentNode, FieldNode, FragmentDefinitionNode, GraphQLSchema, OperationDefinitionNode, Undefined, VariableNode, assert_valid_schema
from graphql.execution.collect_fields import FragmentDetails
from graphql.execution.executor import Executor
from graphql.execution.values import VariableValues
from graphql.language import DirectiveNode

from lms_graph.execution.plans import Plan, walk
from lms_graph.execution.variables import NotTaken, Variables

NOT_COMPILED = frozenset({"defer", "stream", "experimental_disableErrorPropagation"})
KEPT_OPERATIONS, KEPT_VARIANTS = 2000, 16


class Operation:
    """One operation of a document, and its plans."""

    def __init__(self, schema: GraphQLSchema, document: DocumentNode, node: OperationDefinitionNode) -> None:
        self.schema, self.document, self.node = schema, document, node  # kept, so that their ids stay theirs
        self.fragment_definitions = {each.name.value: each for each in document.definitions if isinstance(each, FragmentDefinitionNode)}
        self.fragments = {name: FragmentDetails(each, None) for name, each in self.fragment_definitions.items()}
        try:
            self.variables: Variables | None = Variables(schema, node)
        except NotTaken:
            self.variables = None
        self._plans: OrderedDict[tuple[Any, ...], Plan] = OrderedDict()
        conditions: dict[str, None] = {}
        self._compiled = schema.get_root_type(node.operation) is not None
        for each in walk((node, *self.fragment_definitions.values())):
            if isinstance(each, DirectiveNode):
                if each.name.value in NOT_COMPILED:
                    self._compiled = False
                elif each.name.value in {"skip", "include"}:
                    conditions.update({inner.name.value: None for inner in walk(each.arguments) if isinstance(inner, VariableNode)})
            elif isinstance(each, FieldNode) and each.name.value in {"__schema", "__type"}:
                self._compiled = False
        self._conditions = tuple(conditions)

    def plan(self, executor: Executor[Any]) -> Plan | None:
        """The plan for the executor's variables, made now or before; None for what is left to graphql-core: see README.md. Raises GraphQLError as collecting fields does."""
        if not self._compiled:
            return None
        sources, coerced = executor.variable_values
        key = (executor.field_resolver, executor.hide_suggestions, *[coerced.get(name, Undefined) for name in self._conditions])
        plan = self._plans.get(key)
        if plan is None:
            only = VariableValues(*({name: values[name] for name in self._conditions if name in values} for values in (sources, coerced)))
            plan = self._plans[key] = Plan(executor, only)
            if len(self._plans) > KEPT_VARIANTS:
                self._plans.popitem(last=False)
        return plan


_operations: OrderedDict[tuple[int, int, str | None], Operation] = OrderedDict()


def operation_of(schema: GraphQLSchema, document: DocumentNode, name: str | None) -> Operation | None:
    """The operation of this name, or the only one; None where there is not just one, or a fragment takes arguments: graphql-core knows what to say. Raises as graphql-core does
    for a schema that is not valid."""
    key = (id(document), id(schema), name)
    known = _operations.get(key)
    if known is None:
        assert_valid_schema(schema)
        found = [each for each in document.definitions if isinstance(each, OperationDefinitionNode) and (name is None or (each.name and each.name.value == name))]
        if len(found) != 1 or any(isinstance(each, FragmentDefinitionNode) and each.variable_definitions for each in document.definitions):
            return None
        known = _operations[key] = Operation(schema, document, found[0])
        if len(_operations) > KEPT_OPERATIONS:
            _operations.popitem(last=False)
    return known
