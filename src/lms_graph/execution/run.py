"""One run of a plan: breadth-first, a level of objects at a time."""

import asyncio
from collections.abc import AsyncIterable, Awaitable, Callable, Coroutine, Mapping, Sequence
from functools import partial
from types import GeneratorType
from typing import TYPE_CHECKING, Any

from graphql import ExecutionResult, GraphQLError, GraphQLObjectType, OperationType, Undefined, located_error
from graphql.execution.executor import invalid_return_type_error
from graphql.execution.values import get_argument_values
from graphql.pyutils import Path, is_iterable
from graphql.type import GraphQLResolveInfo

from lms_graph.execution.fields import Child, Derived, is_cast
from lms_graph.execution.plans import Field, Kind, Plan, Selection, Shape, shareable

if TYPE_CHECKING:
    from lms_graph.execution.executor import CompiledExecutor

# An object that is being answered: the frame of the object above, the field there, where it stands in the field's list (or lists), and the answer that is filled.
Frame = tuple[Any, Any, tuple[int, ...], dict[str, Any]]
Finish = Callable[[Any], Any]

_NEVER_AWAITED = frozenset({type(None), str, int, float, bool, list, tuple, dict})


class Run:
    """The state of one execution. Each error is told once, at its place; what lies under a place that became null is left alone."""

    def __init__(self, executor: "CompiledExecutor", plan: Plan, *, shares: bool = True) -> None:
        """`shares`: what loaders give several objects alike is completed once, for all of them."""
        self.executor, self.plan = executor, plan
        self.shares = shares and plan.operation.operation is not OperationType.MUTATION
        self.has_shared = False
        self.context = executor.context_value
        self.is_awaitable = executor.is_awaitable
        self.data: dict[str, Any] | None = {}
        self.errors: list[tuple[tuple[int, ...], GraphQLError]] = []
        self.groups: dict[Selection, tuple[list[Frame], list[Any]]] = {}  # objects of the next level
        self.pending: list[tuple[Awaitable[Any], Callable[[Any], None]]] = []  # what is awaited, and what is told the value, or the exception
        self.arguments: dict[Field, dict[str, Any]] = {}
        self.paths: dict[int, Path | None] = {}

    def start(self, serially: bool | None) -> ExecutionResult | Coroutine[Any, Any, ExecutionResult]:
        """The answer, or what gives it once awaited: the former where nothing had to be waited for."""
        root = self.plan.root
        self.data = out = root.template.copy()
        frame: Frame = (None, None, (), out)
        if (self.plan.operation.operation is OperationType.MUTATION) if serially is None else serially:
            return self._one_after_another(frame)
        self.groups[root] = ([frame], [self.executor.root_value])
        self._descend()
        return self._waiting() if self.pending else self._response()

    def _one_after_another(self, frame: Frame) -> ExecutionResult | Coroutine[Any, Any, ExecutionResult]:
        source, remaining = [self.executor.root_value], list(reversed(self.plan.root.fields))

        def until_waiting() -> bool:
            while remaining and self.data is not None:
                self._fields([remaining.pop()], [frame], source)
                self._descend()
                if self.pending:
                    return True
            return False

        async def rest() -> ExecutionResult:
            while True:
                while self.pending:
                    await self._settle()
                    self._descend()
                if not until_waiting():
                    return self._response()

        return rest() if until_waiting() else self._response()

    async def _waiting(self) -> ExecutionResult:
        while self.pending:
            await self._settle()
            self._descend()
        if self.errors and self.has_shared:  # each place tells its own error, and nulls what is around it
            again = Run(self.executor, self.plan, shares=False).start(serially=False)
            return again if isinstance(again, ExecutionResult) else await again
        return self._response()

    def _response(self) -> ExecutionResult:
        self.executor.run_async_work_finished_hook()
        self.errors.sort(key=lambda each: each[0])
        return ExecutionResult(self.data, [error for _, error in self.errors] or None)

    # Levels

    def _descend(self) -> None:
        """Go on until nothing more can be done without waiting."""
        while self.groups:
            groups, self.groups = self.groups, {}
            for selection, (frames, sources) in groups.items():
                if self.errors:
                    living = [self._lives(frame) for frame in frames]
                    if not all(living):
                        frames = [frame for frame, lives in zip(frames, living, strict=True) if lives]
                        sources = [source for source, lives in zip(sources, living, strict=True) if lives]
                if selection.plain:
                    self._plain(selection, frames, sources)
                if selection.others:
                    self._fields(selection.others, frames, sources)

    async def _settle(self) -> None:
        """Wait for all that is pending, and put the values where they belong."""
        pending, self.pending = self.pending, []
        if len(pending) == 1:
            try:
                results: list[Any] = [await pending[0][0]]
            except Exception as error:  # noqa: BLE001
                results = [error]
        else:
            results = await asyncio.gather(*[each[0] for each in pending], return_exceptions=True)
        for (_, settle), result in zip(pending, results, strict=True):
            if isinstance(result, BaseException) and not isinstance(result, Exception):
                raise result
            settle(result)

    def _wait(self, awaited: Awaitable[Any], frame: Frame, field: Field, index: tuple[int, ...], finish: Finish | None = None) -> None:
        self.pending.append((awaited, partial(self._arrived, frame, field, index, finish)))

    def _arrived(self, frame: Frame, field: Field, index: tuple[int, ...], finish: Finish | None, result: Any) -> None:
        """Put what was waited for where it belongs; `finish` makes it what stands there, else it is completed as the field's value."""
        if self.errors and not self._lives(frame, field, index):
            return
        try:
            if finish is None:
                value = self._complete(field.shape, field, frame, (), result)
            elif isinstance(result, Exception):
                raise result
            else:
                value = finish(result)
            if value is not _LATER:
                self._put(frame, field, index, value)
        except Exception as error:  # noqa: BLE001
            self._fail(error, frame, field, index)

    def _plain(self, selection: Selection, frames: list[Frame], sources: list[Any]) -> None:
        """Fields whose values are attributes to be written as they are: a row of them at a time."""
        fill = selection.fill
        assert fill is not None
        for frame, source in zip(frames, sources, strict=True):
            if selection.looks_up and isinstance(source, Mapping):
                self._fields(selection.plain, [frame], [source])
                continue
            read = made = None
            try:
                read = fill(frame[3], source)
                if read is None:
                    continue
                made = selection.learn(read)
            except Exception:  # noqa: BLE001  # one of them failed: which?
                pass
            if made is not None:
                frame[3].update(made)
            elif read is None or selection.looks_up:  # graphql-core's own resolver calls what can be called
                self._fields(selection.plain, [frame], [source])
            else:
                for field, value in zip(selection.plain, read, strict=True):
                    self._field(field, frame, value)

    # Fields

    def _fields(self, asked: list[Field], frames: list[Frame], sources: list[Any]) -> None:
        for field in asked:
            if field.child is not None:
                self._children(field, field.child, frames, sources)
                continue
            if field.derived is not None:
                self._derived(field, field.derived, frames, sources)
                continue
            if field.attribute is not None and field.definition.resolve:
                self._attributes(field, field.attribute, frames, sources)
                continue
            for frame, source in zip(frames, sources, strict=True):
                if self.errors and not self._lives(frame):
                    continue
                try:
                    value = self._resolved(field, frame, source, is_shared=len(frames) > 1)
                except Exception as error:  # noqa: BLE001
                    self._fail(error, frame, field, ())
                else:
                    self._field(field, frame, value)

    def _attributes(self, field: Field, attribute: str, frames: list[Frame], sources: list[Any]) -> None:
        """Attributes that are objects, or lists: all are read, then completed."""
        asking, values = [], []
        for frame, source in zip(frames, sources, strict=True):
            if self.errors and not self._lives(frame):
                continue
            try:
                value = getattr(source, attribute)
            except Exception as error:  # noqa: BLE001
                self._fail(error, frame, field, ())
            else:
                asking.append(frame)
                values.append(value)
        selection = self._sure(field, field.shape, [each for each in values if each is not None] if field.shape.nullable else values)
        if selection is None:
            for frame, value in zip(asking, values, strict=True):
                self._field(field, frame, value)
            return
        group = self.groups.setdefault(selection, ([], []))
        for frame, value in zip(asking, values, strict=True):
            if value is not None:
                frame[3][field.key] = out = selection.template.copy()
                group[0].append((frame, field, (), out))
                group[1].append(value)

    def _sure(self, field: Field, shape: Shape, values: Sequence[Any]) -> Selection | None:
        """The selection of objects that need not be looked at one by one: all are of classes that were met before, and nothing has failed."""
        selection = None if self.errors or shape.kind is not Kind.OBJECT else field.selections.get(shape.type)
        if selection is None:
            return None
        classes = set(map(type, values))
        return selection if classes <= selection.sure and classes <= shape.not_awaited and not any(map(is_cast, values)) else None

    def _field(self, field: Field, frame: Frame, value: Any) -> None:
        """Complete a value, or wait for it."""
        if self.errors and not self._lives(frame):
            return
        shape, cls = field.shape, type(value)
        try:
            if cls not in _NEVER_AWAITED and cls not in shape.not_awaited:
                if self.is_awaitable(value):
                    self._wait(value, frame, field, ())
                    return
                if cls is not GeneratorType:
                    shape.not_awaited.add(cls)
            completed = self._complete(shape, field, frame, (), value)
            if completed is not _LATER:
                frame[3][field.key] = completed
        except Exception as error:  # noqa: BLE001
            self._fail(error, frame, field, ())

    def _derived(self, field: Field, derived: Derived, frames: list[Frame], sources: list[Any]) -> None:
        make: Callable[[Any], Any] | None = None
        for frame, source in zip(frames, sources, strict=True):
            if self.errors and not self._lives(frame):
                continue
            try:
                make = make or derived.bind(self.context)
                frame[3][field.key] = self._complete(field.shape, field, frame, (), make(getattr(source, derived.key)))
            except Exception as error:  # noqa: BLE001
                self._fail(error, frame, field, ())

    def _children(self, field: Field, child: Child, frames: list[Frame], sources: list[Any]) -> None:
        """What is declared needs no resolver, and no coroutine, per parent."""
        asking, keys = [], []
        for frame, source in zip(frames, sources, strict=True):
            if self.errors and not self._lives(frame):
                continue
            try:
                key = getattr(source, child.key)
                if key is None:
                    frame[3][field.key] = self._complete(field.shape, field, frame, (), None)
                else:
                    asking.append(frame)
                    keys.append(key)
            except Exception as error:  # noqa: BLE001
                self._fail(error, frame, field, ())
        if keys:
            try:
                loading: Any = child.bind(self.context)(keys)
            except Exception as error:  # noqa: BLE001
                loading = [error] * len(keys)
            if isinstance(loading, list):
                self._loaded(asking, field, child.then, loading)
            else:
                self.pending.append((loading, partial(self._loaded, asking, field, child.then)))

    def _loaded(self, frames: list[Frame], field: Field, then: str | None, values: Any) -> None:
        """Complete what was loaded for each; an exception in place of all values is everybody's."""
        if isinstance(values, Exception):
            values = [values] * len(frames)
        shape, key = field.shape, field.key
        lists = self._sure_lists(field, values) if shape.item is not None and then is None else None
        shared: dict[int, Any] | None = {} if self.shares and shape.kind is not Kind.LEAF and len(frames) > 1 else None
        for frame, value in zip(frames, values, strict=True):
            if self.errors and not self._lives(frame):
                continue
            loaded = id(value)
            if shared is not None and loaded in shared:
                frame[3][key] = shared[loaded]
                self.has_shared = True
                continue
            try:
                if then is not None and value is not None and not isinstance(value, Exception):
                    value = getattr(value, then)
                completed = self._objects(lists, field, frame, (), value) if lists is not None else self._complete(shape, field, frame, (), value)
                if completed is not _LATER:
                    frame[3][key] = completed
                    if shared is not None:
                        shared[loaded] = completed
            except Exception as error:  # noqa: BLE001
                self._fail(error, frame, field, ())

    def _sure_lists(self, field: Field, values: Sequence[Any]) -> Selection | None:
        """As `_sure`, of all that stands in these lists."""
        assert field.shape.item is not None
        return self._sure(field, field.shape.item, [each for value in values for each in value]) if set(map(type, values)) == {list} else None

    def _resolved(self, field: Field, frame: Frame, source: Any, *, is_shared: bool) -> Any:
        arguments = field.fixed
        if arguments is None:
            arguments = self.arguments.get(field)
            if arguments is None:
                arguments = field.values(self.executor.variable_values.coerced)
                if arguments is None:
                    arguments = get_argument_values(field.definition, field.node, self.executor.variable_values, None, self.executor.hide_suggestions)
                if is_shared and shareable(arguments):
                    self.arguments[field] = arguments
        return field.resolve(source, self._info(frame, field), **arguments)

    def _info(self, frame: Frame, field: Field) -> GraphQLResolveInfo[Any]:
        return self.executor.build_resolve_info(field.definition, field.nodes, field.parent_type, self._path(frame, field))

    # Values

    def _complete(self, shape: Shape, field: Field, frame: Frame, index: tuple[int, ...], value: Any) -> Any:
        """What stands in the answer for a value: `_LATER` where that has to be waited for. Raises what the value was told with, or what is wrong with it."""
        if value is None or value is Undefined:
            if shape.nullable:
                return None
            raise TypeError(f"Cannot return null for non-nullable field {field.parent_type}.{field.node.name.value}.")
        if isinstance(value, Exception):
            raise value
        if shape.kind is Kind.OBJECT:
            return self._object(shape.type, field, frame, index, value)
        if shape.kind is Kind.LEAF:
            write = shape.writer(type(value))
            return write(value) if write is not None else self.executor.complete_leaf_value(shape.type, value)
        if shape.kind is Kind.LIST:
            return self._list(shape, field, frame, index, value)
        return self._abstract(shape, field, frame, index, value)

    def _object(self, type_: GraphQLObjectType, field: Field, frame: Frame, index: tuple[int, ...], value: Any) -> Any:
        selection = field.selections.get(type_) or self.plan.selection(field, type_)
        if selection.checked and (type(value) not in selection.sure or is_cast(value)):
            assert type_.is_type_of is not None
            fits: Any = type_.is_type_of(value, self._info(frame, field))
            if self.is_awaitable(fits):
                self._wait(fits, frame, field, index, lambda fits: self._entered(selection, fits, field, frame, index, value))
                return _LATER
            if fits and selection.by_class and not is_cast(value):
                selection.sure.add(type(value))
            return self._entered(selection, fits, field, frame, index, value)
        if not selection.checked:
            selection.sure.add(type(value))
        return self._entered(selection, True, field, frame, index, value)

    def _entered(self, selection: Selection, fits: Any, field: Field, frame: Frame, index: tuple[int, ...], value: Any) -> dict[str, Any]:
        if not fits:
            raise invalid_return_type_error(selection.type, value, field.details)
        out = selection.template.copy()
        group = self.groups.get(selection)
        if group is None:
            group = self.groups[selection] = ([], [])
        group[0].append((frame, field, index, out))
        group[1].append(value)
        return out

    def _abstract(self, shape: Shape, field: Field, frame: Frame, index: tuple[int, ...], value: Any) -> Any:
        known = shape.types.get(type(value))
        if known is not None and not is_cast(value):
            return self._object(known, field, frame, index, value)
        info = self._info(frame, field)
        name: Any = (shape.type.resolve_type or self.executor.type_resolver)(value, info, shape.type)

        def typed(name: Any) -> Any:
            type_ = self.executor.ensure_valid_runtime_type(name, shape.type, field.details, info, value)
            if shape.by_class and not is_cast(value):
                shape.types[type(value)] = type_
            return self._object(type_, field, frame, index, value)

        if self.is_awaitable(name):
            self._wait(name, frame, field, index, typed)
            return _LATER
        return typed(name)

    def _list(self, shape: Shape, field: Field, frame: Frame, index: tuple[int, ...], value: Any) -> Any:
        if isinstance(value, list | tuple):
            items: Any = value
        elif self.executor.is_async_iterable(value):
            self._wait(_drained(value), frame, field, index, lambda items: self._list(shape, field, frame, index, items))
            return _LATER
        elif is_iterable(value):
            items = list(value)
        else:
            raise GraphQLError(f"Expected Iterable, but did not find one for field '{field.parent_type}.{field.node.name.value}'.")
        item = shape.item
        assert item is not None
        classes = set(map(type, items)) - _NEVER_AWAITED - item.not_awaited
        if classes:
            if any(type(each) in classes and self.is_awaitable(each) for each in items):
                self._wait(_awaited(items, self.is_awaitable), frame, field, index, lambda items: self._list(shape, field, frame, index, items))
                return _LATER
            item.not_awaited |= classes - {GeneratorType}
        if items and (selection := self._sure(field, item, items)) is not None:
            return self._objects(selection, field, frame, index, items)
        completed: list[Any] = []
        for number, each in enumerate(items):
            at = (*index, number)
            try:
                written = self._complete(item, field, frame, at, each)
                completed.append(None if written is _LATER else written)
            except Exception as error:
                located = located_error(error, field.nodes, self._path(frame, field, at).as_list())
                if not item.nullable:
                    raise located from error
                completed.append(None)
                self.errors.append((self._order(frame, field, at), located))
        return completed

    def _objects(self, selection: Selection, field: Field, frame: Frame, index: tuple[int, ...], items: Sequence[Any]) -> list[dict[str, Any]]:
        """A list of objects that are of the type for certain, without a look at each."""
        made = [selection.template.copy() for _ in items]
        frames, sources = self.groups.setdefault(selection, ([], []))
        frames.extend([(frame, field, (*index, number), out) for number, out in enumerate(made)])
        sources.extend(items)
        return made

    # Places

    def _put(self, frame: Frame, field: Field, index: tuple[int, ...], value: Any) -> None:
        if not index:
            frame[3][field.key] = value
            return
        place = frame[3][field.key]
        for number in index[:-1]:
            place = place[number]
        place[index[-1]] = value

    def _lives(self, frame: Frame, field: Field | None = None, index: tuple[int, ...] = ()) -> bool:
        """Whether the object, or a place in it, is still part of the answer: nothing above it has become null."""
        if index and field is not None:
            place = frame[3][field.key]
            for number in index[:-1]:
                if place is None:
                    return False
                place = place[number]
            if place is None:
                return False
        while (parent := frame[0]) is not None:
            place = parent[3][frame[1].key]
            for number in frame[2]:
                if place is None:
                    return False
                place = place[number]
            if place is not frame[3]:
                return False
            frame = parent
        return self.data is not None

    def _fail(self, error: Exception, frame: Frame, field: Field, index: tuple[int, ...]) -> None:
        """Tell an error at its place; null goes to the nearest place around it that may be null."""
        if self.errors and not self._lives(frame, field, index):
            return
        located = located_error(error, field.nodes, self._path(frame, field, index).as_list())
        self.errors.append((self._order(frame, field, index), located))
        place: Frame | None = frame
        while place is not None:
            shapes = [field.shape]
            for _ in index:
                shapes.append(shapes[-1].item)  # type: ignore[arg-type]
            for depth in range(len(index), -1, -1):
                if shapes[depth].nullable:
                    self._put(place, field, index[:depth], None)
                    return
            place, field, index, _ = place
        self.data = None

    def _path(self, frame: Frame, field: Field, index: tuple[int, ...] = ()) -> Path:
        path = Path(self._path_to(frame), field.key, field.parent_type.name)
        for number in index:
            path = Path(path, number, None)
        return path

    def _path_to(self, frame: Frame) -> Path | None:
        parent, field, index, out = frame
        if parent is None:
            return None
        path = self.paths.get(id(out))
        if path is None:
            path = self.paths[id(out)] = self._path(parent, field, index)
        return path

    def _order(self, frame: Frame, field: Field, index: tuple[int, ...]) -> tuple[int, ...]:
        """Where a place stands in the answer: errors are told in that order."""
        order = (field.position, *index)
        while frame[0] is not None:
            frame, field, index, _ = frame
            order = (field.position, *index, *order)
        return order


_LATER: Any = object()


async def _drained(items: AsyncIterable[Any]) -> list[Any]:
    return [item async for item in items]


async def _awaited(items: Any, is_awaitable: Callable[[Any], bool]) -> list[Any]:
    """The items, with what came of those that had to be awaited: an exception is a value here, told at the item's place."""
    found = list(items)
    waiting = [number for number, item in enumerate(found) if is_awaitable(item)]
    for number, result in zip(waiting, await asyncio.gather(*[found[number] for number in waiting], return_exceptions=True), strict=True):
        if isinstance(result, BaseException) and not isinstance(result, Exception):
            raise result
        found[number] = result
    return found
