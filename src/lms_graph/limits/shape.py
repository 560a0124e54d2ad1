"""The shape of a document, before it is validated: one pass over its nodes, and each fragment counted once however often it is spread.

Validation takes time that grows with the square of a document, and execution with what its fragments unfold to. So this comes first, and is linear.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from graphql import (
    ArgumentNode,
    DirectiveNode,
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    InlineFragmentNode,
    OperationDefinitionNode,
    OperationType,
)

from lms_graph.limits.bounds import Bounds, too_much
from lms_graph.limits.values import check_literal


@dataclass
class Shape:
    """What an operation or a fragment comes to. `spreads` are the fragments it names and the level at which it does."""

    depth: int = 0
    aliases: int = 0
    root_fields: int = 0
    introspects: bool = False
    spreads: list[tuple[str, int]] = field(default_factory=list)

    def unfolded(self, fragments: dict[str, "Shape"]) -> "Shape":
        """With the fragments' own shapes in the places where they are spread. One that is unknown, or not known yet because it spreads itself, adds nothing: validation tells."""
        whole = Shape(self.depth, self.aliases, self.root_fields, self.introspects)
        for name, level in self.spreads:
            if spread := fragments.get(name):
                whole.depth = max(whole.depth, level + spread.depth)
                whole.aliases += spread.aliases
                whole.root_fields += spread.root_fields if level == 0 else 0
                whole.introspects |= spread.introspects
        return whole


def check_shape(document: DocumentNode, bounds: Bounds) -> bool:
    """Whether every operation keeps within its bounds, and each literal within those of values; raises DocumentRefused. Gives whether anything introspects."""
    reader = _Reader(bounds)
    operations = []
    fragments = {}
    for definition in document.definitions:
        if isinstance(definition, OperationDefinitionNode):
            operations.append((definition, reader.read(definition)))
        elif isinstance(definition, FragmentDefinitionNode):
            fragments[definition.name.value] = reader.read(definition)
    unfolded = _unfold(fragments)
    introspects = False
    for definition, own in operations:
        shape = own.unfolded(unfolded)
        introspects |= shape.introspects
        if shape.depth > bounds.depth:
            raise too_much(f"The operation nests {shape.depth} levels of fields; at most {bounds.depth} are taken.", limit=bounds.depth, requested=shape.depth, node=definition)
        if shape.aliases > bounds.aliases:
            raise too_much("The operation has too many aliases." + _said(shape.aliases, bounds.aliases), limit=bounds.aliases, requested=shape.aliases, node=definition)
        most = bounds.mutation_fields if definition.operation is OperationType.MUTATION else bounds.query_fields
        if shape.root_fields > most:
            raise too_much("The operation asks too many root fields." + _said(shape.root_fields, most), limit=most, requested=shape.root_fields, node=definition)
    return introspects


def _said(requested: int, limit: int) -> str:
    return f" It has {requested}; at most {limit} are taken." if requested <= 1_000_000 else f" At most {limit} are taken."


class _Reader:
    """Reads one definition after another, without recursion: selections may be nested as deeply as the parser takes them."""

    def __init__(self, bounds: Bounds) -> None:
        self.bounds = bounds
        self.directives = 0

    def read(self, definition: OperationDefinitionNode | FragmentDefinitionNode) -> Shape:
        shape = Shape()
        self._directives(definition.directives)
        for variable in definition.variable_definitions or ():
            self._directives(variable.directives)
            if variable.default_value:
                check_literal(variable.default_value, self.bounds)
        waiting = [(definition.selection_set, 0)]
        while waiting:
            selections, level = waiting.pop()
            for selection in selections.selections:
                self._directives(selection.directives)
                if isinstance(selection, FieldNode):
                    shape.depth = max(shape.depth, level + 1)
                    shape.aliases += selection.alias is not None
                    shape.root_fields += level == 0
                    shape.introspects |= selection.name.value in ("__schema", "__type")
                    self._arguments(selection.arguments)
                    if selection.selection_set:
                        waiting.append((selection.selection_set, level + 1))
                elif isinstance(selection, InlineFragmentNode):
                    waiting.append((selection.selection_set, level))
                elif isinstance(selection, FragmentSpreadNode):
                    shape.spreads.append((selection.name.value, level))
        return shape

    def _arguments(self, arguments: Sequence[ArgumentNode] | None) -> None:
        for argument in arguments or ():
            check_literal(argument.value, self.bounds)

    def _directives(self, directives: Sequence[DirectiveNode] | None) -> None:
        if not directives:
            return
        most = self.bounds.directives_at_once
        if len(directives) > most:
            raise too_much(f"There are {len(directives)} directives in one place; at most {most} are taken.", limit=most, requested=len(directives), node=directives[0])
        self.directives += len(directives)
        if self.directives > self.bounds.directives:
            raise too_much(f"The document has more than {self.bounds.directives} directives.", limit=self.bounds.directives, node=directives[0])
        for directive in directives:
            self._arguments(directive.arguments)


def _unfold(fragments: dict[str, Shape]) -> dict[str, Shape]:
    """Every fragment with what it spreads, the inner ones first. Each is looked at once; a spread that closes a circle is left out."""
    done: dict[str, Shape] = {}
    entered: set[str] = set()
    for first in fragments:
        waiting = [first]
        while waiting:
            name = waiting[-1]
            if name in done:
                waiting.pop()
            elif name in entered:
                done[name] = fragments[name].unfolded(done)
                waiting.pop()
            else:
                entered.add(name)
                waiting.extend(spread for spread, _ in fragments[name].spreads if spread in fragments and spread not in entered)
    return done
