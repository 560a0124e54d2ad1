"""Values of variables and literals: bounded lists, bounded nesting, and no character that cannot be stored."""

from collections.abc import Mapping
from typing import Any

from graphql import (
    ArgumentNode,
    DocumentNode,
    FloatValueNode,
    IntValueNode,
    ListValueNode,
    ObjectValueNode,
    StringValueNode,
    ValueNode,
    VariableDefinitionNode,
    Visitor,
    value_from_ast_untyped,
    visit,
)

from lms_graph.kit.text import is_storable
from lms_graph.limits.bounds import Bounds, wrong

MAX_DIGITS = 400  # a double has at most 309 before its point; beyond 4,300 Python refuses a number in words of its own


def check_variables(variables: Mapping[str, Any], bounds: Bounds = Bounds()) -> None:
    """Whether the variables of an operation, as they came out of JSON, can be taken. Raises DocumentRefused with the place of the first that cannot."""
    if len(variables) > bounds.items:
        raise wrong(f"There are {len(variables)} variables; at most {bounds.items} are taken.")
    waiting: list[tuple[Any, tuple[Any, ...]]] = [(variables, ())]
    seen = 0
    while waiting:
        whole, path = waiting.pop()
        if len(whole) > bounds.items:
            raise wrong(f"`{_place(path)}` has {len(whole)} items; a list takes at most {bounds.items}.")
        if len(path) > bounds.value_depth:
            raise wrong(f"`{_place(path)}` is nested too deeply; at most {bounds.value_depth} levels are taken.")
        seen += len(whole)
        if seen > bounds.values:
            raise wrong(f"The variables have more than {bounds.values} values together. Send them in several requests.")
        if not isinstance(whole, list) and not all(map(is_storable, whole)):
            raise wrong(f"A name in `{_place(path)}` has a NUL character or half of a surrogate pair, which no text may have.")
        for step, value in enumerate(whole) if isinstance(whole, list) else whole.items():
            if isinstance(value, str):
                if not is_storable(value):
                    raise wrong(f"`{_place((*path, step))}` has a NUL character or half of a surrogate pair, which no text may have.")
            elif isinstance(value, list | dict):
                waiting.append((value, (*path, step)))


def _place(path: tuple[Any, ...]) -> str:
    """`input.events.3.lectureId`, short enough to be told."""
    text = ".".join(str(step)[:40] for step in path)
    return (text if len(text) <= 120 else text[:119] + "…") or "variables"


def written(document: DocumentNode, variables: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What a document gives to arguments and as defaults of variables, in plain values under their names; variables in it have the values they were sent with."""
    found: list[dict[str, Any]] = []

    class Values(Visitor):
        def enter_argument(self, node: ArgumentNode, *_: Any) -> None:
            found.append({node.name.value: value_from_ast_untyped(node.value, dict(variables))})

        def enter_variable_definition(self, node: VariableDefinitionNode, *_: Any) -> None:
            if node.default_value:
                found.append({node.variable.name.value: value_from_ast_untyped(node.default_value)})

    visit(document, Values())
    return found


def check_literal(node: ValueNode, bounds: Bounds) -> None:
    """Whether a value written in the document can be taken. Raises DocumentRefused with its location."""
    waiting = [(node, 1)]
    while waiting:
        value, depth = waiting.pop()
        if isinstance(value, StringValueNode):
            if not is_storable(value.value):
                raise wrong("The text has a NUL character or half of a surrogate pair, which no text may have.", value)
            continue
        if isinstance(value, IntValueNode | FloatValueNode):
            if len(value.value) > MAX_DIGITS:
                raise wrong(f"The number has {len(value.value)} characters; at most {MAX_DIGITS} are taken.", value)
            continue
        items: list[ValueNode]
        if isinstance(value, ListValueNode):
            items = list(value.values)
        elif isinstance(value, ObjectValueNode):
            items = [field.value for field in value.fields]
        else:
            continue
        if len(items) > bounds.items:
            raise wrong(f"There are {len(items)} items; a list takes at most {bounds.items}.", value)
        if depth > bounds.value_depth:
            raise wrong(f"The value is nested too deeply; at most {bounds.value_depth} levels are taken.", value)
        waiting.extend((item, depth + 1) for item in items)
