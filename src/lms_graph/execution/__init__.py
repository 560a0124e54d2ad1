"""An executor that compiles an operation once and runs it breadth-first, behind Strawberry's `execution_context_class`. README.md tells how it works.

It knows GraphQL, graphql-core and Strawberry, and nothing of what a schema is about.
"""

from lms_graph.execution.executor import CompiledExecutor
from lms_graph.execution.fields import Child, Derived
from lms_graph.execution.inputs import compile_inputs

__all__ = ["Child", "CompiledExecutor", "Derived", "compile_inputs"]
