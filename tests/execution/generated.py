"""Schemas, values, failures and queries made from a seed: the same seed makes the same, whoever executes it."""

import asyncio
from collections.abc import Callable
from enum import Enum
from random import Random
from types import GeneratorType, SimpleNamespace
from typing import Any

import strawberry
from graphql import (
    DocumentNode,
    GraphQLArgument,
    GraphQLBoolean,
    GraphQLEnumType,
    GraphQLField,
    GraphQLFloat,
    GraphQLID,
    GraphQLInt,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLScalarType,
    GraphQLSchema,
    GraphQLString,
    GraphQLUnionType,
    get_named_type,
    is_abstract_type,
    is_leaf_type,
    is_list_type,
    is_non_null_type,
    is_object_type,
    parse,
)

from lms_graph.execution import Child, Derived
from lms_graph.execution.fields import DEFINITION


class Color(Enum):
    RED = "red"
    BLUE = "blue"


def _stamped(value: Any) -> Any:
    if value == "bad":
        raise ValueError("no stamp")
    return None if value == "nothing" else f"stamp:{value if isinstance(value, str | int | Enum) else type(value).__name__}"


COLOR = GraphQLEnumType("Color", Color)
STAMP = GraphQLScalarType("Stamp", coerce_output_value=_stamped)
LEAVES: list[Any] = [GraphQLString, GraphQLInt, GraphQLFloat, GraphQLBoolean, GraphQLID, COLOR, STAMP]


class Source:
    """What an object of a type is made from: its attributes are told by its seed."""

    def __init__(self, world: "World", type_name: str, seed: str) -> None:
        self.world, self.type_name, self.seed = world, type_name, seed

    @property
    def key(self) -> int | None:
        """What leads to other rows: few keys, so that many objects lead to the same."""
        return Random(f"key of {self.seed}").choice([None, 0, 0, 0, 1])

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or name in {"world", "type_name", "seed"}:
            raise AttributeError(name)
        field = self.world.fields.get((self.type_name, name))
        if field is None:
            raise AttributeError(name)
        return self.world.value(field, f"{self.seed}.{name}")

    def __repr__(self) -> str:
        return f"<{self.type_name} {self.seed}>"


class Named(Source):
    """Tells its type as graphql-core's own resolver of types asks for it."""

    @property
    def _Named__typename(self) -> str:  # noqa: N802
        return self.type_name


class World:
    """A schema and what its resolvers answer. `trouble` is how often something goes wrong, from 0 to 1; `waiting` how often something has to be awaited."""

    def __init__(self, seed: int, *, trouble: float, waiting: float) -> None:
        self.random = Random(seed)
        self.seed, self.trouble, self.waiting = seed, trouble, waiting
        self.fields: dict[tuple[str, str], Any] = {}
        self.schema = self._schema()

    # The schema

    def _schema(self) -> GraphQLSchema:
        random = self.random
        names = [f"T{number}" for number in range(random.randint(2, 5))]
        shared = {f"s{number}": self._wrapped(random.choice(LEAVES)) for number in range(2)}
        objects: dict[str, Any] = {}
        interface = GraphQLInterfaceType("I0", lambda: {name: GraphQLField(type_) for name, type_ in shared.items()}, resolve_type=self._type_resolver())
        members = random.sample(names, random.randint(1, len(names)))
        union = GraphQLUnionType("U0", lambda: [objects[name] for name in members], resolve_type=self._type_resolver())
        for name in names:
            implements = random.random() < 0.6
            makes = [(f"f{number}", random.random(), random.choice(LEAVES), random.choice(names)) for number in range(random.randint(2, 6))]
            wraps = Random(random.random())

            def fields(name: str = name, implements: bool = implements, makes: Any = makes, wraps: Random = wraps) -> dict[str, GraphQLField]:
                made = {}
                if implements:
                    for shared_name, type_ in shared.items():
                        made[shared_name] = self._field(name, shared_name, type_, wraps)
                for field_name, kind, leaf, target in makes:
                    inner = leaf if kind < 0.55 else objects[target] if kind < 0.8 else interface if kind < 0.9 else union
                    made[field_name] = self._field(name, field_name, self._wrapped(inner, wraps), wraps)
                return made

            objects[name] = GraphQLObjectType(name, fields, interfaces=[interface] if implements else [], is_type_of=self._is_type_of(name))
        if not any(objects[name].interfaces for name in names):
            objects[names[0]] = GraphQLObjectType(names[0], lambda: {n: self._field(names[0], n, t, random) for n, t in shared.items()}, interfaces=[interface])
        root = {
            "one": objects[names[0]],
            "some": GraphQLList(objects[names[-1]]),
            "sure": GraphQLNonNull(objects[names[0]]),
            "any": interface,
            "union": GraphQLList(GraphQLNonNull(union)),
        }
        wraps = Random(random.random())
        query = GraphQLObjectType("Query", lambda: {name: self._field("Query", name, type_, wraps) for name, type_ in root.items()})
        mutation = GraphQLObjectType("Mutation", lambda: {name: self._field("Mutation", name, type_, wraps) for name, type_ in root.items()})
        return GraphQLSchema(query, mutation, types=list(objects.values()))

    def _wrapped(self, type_: Any, random: Random | None = None) -> Any:
        random = random or self.random
        for _ in range(random.choice([0, 0, 0, 1, 1, 2])):
            type_ = GraphQLList(GraphQLNonNull(type_) if random.random() < 0.4 else type_)
        return GraphQLNonNull(type_) if random.random() < 0.4 else type_

    def _field(self, owner: str, name: str, type_: Any, random: Random) -> GraphQLField:
        self.fields[owner, name] = type_
        how = random.random()
        if how < (0.35 if owner.startswith("T") else 0.5):
            return GraphQLField(type_)
        if owner.startswith("T") and how < 0.75:
            return self._declared(f"{owner}.{name}", type_, random)
        arguments = {
            "n": GraphQLArgument(GraphQLInt, default_value=1),
            "word": GraphQLArgument(GraphQLString),
            "sure": GraphQLArgument(GraphQLNonNull(GraphQLBoolean), default_value=True),
        }
        slow = random.random() < self.waiting
        fails = random.random() < self.trouble / 3

        def resolve(source: Any, info: Any, **given: Any) -> Any:
            seed = f"{source['seed'] if isinstance(source, dict) else getattr(source, 'seed', None)}.{name}{sorted(given.items())}{info.path.as_list()[-1]}"
            if fails:
                raise ValueError(f"fails at {seed}")
            return self.value(type_, seed)

        async def resolve_later(source: Any, info: Any, **given: Any) -> Any:
            return resolve(source, info, **given)

        return GraphQLField(type_, arguments if random.random() < 0.5 else None, resolve_later if slow else resolve)

    def _declared(self, name: str, type_: Any, random: Random) -> GraphQLField:
        """A field that says how it is found, with a resolver that finds the same. A context is a dictionary: what was loaded under a key is the same object for all."""
        fails, slow, holder, at_once = random.random() < self.trouble / 5, random.random() < 0.5, random.random() < 0.3, random.random() < 0.4

        def loaded(context: dict[Any, Any], key: int) -> Any:
            if (name, key) not in context:
                value = self._again_and_again(type_, f"{name}:{key}")
                context[name, key] = SimpleNamespace(value=value) if holder and not isinstance(value, Exception) else value
            return context[name, key]

        def bind(context: dict[Any, Any]) -> Any:
            def give(keys: list[int]) -> list[Any]:
                if fails:
                    raise ValueError(f"nothing is loaded for {name}")
                return [loaded(context, key) for key in keys]

            async def load(keys: list[int]) -> list[Any]:
                if slow:
                    await asyncio.sleep(0)
                return give(keys)

            return give if at_once else load

        async def resolve(source: Any, info: Any) -> Any:
            if (key := source.key) is None:
                return None
            loading = bind(info.context)([key])
            (found,) = loading if isinstance(loading, list) else await loading
            if isinstance(found, Exception):
                raise found
            return found.value if holder else found

        def derive(source: Any, info: Any) -> Any:
            return self._again_and_again(type_, f"{name}:{source.key}")

        if is_leaf_type(type_):
            return GraphQLField(
                type_,
                resolve=derive,
                extensions={DEFINITION: strawberry.field(metadata={"derived": Derived(lambda _: lambda key: self._again_and_again(type_, f"{name}:{key}"), "key")})},
            )
        return GraphQLField(type_, resolve=resolve, extensions={DEFINITION: strawberry.field(metadata={"child": Child(bind, "key", "value" if holder else None)})})

    def _again_and_again(self, type_: Any, seed: str) -> Any:
        """A value that can be taken several times: nothing in it is awaited or used up."""
        waiting, self.waiting = self.waiting, 0.0
        try:
            return _unrolled(self._value(type_, seed, Random(f"{seed}{self.seed}")))
        finally:
            self.waiting = waiting

    def _type_resolver(self) -> Callable[..., Any] | None:
        kind = self.random.random()
        if kind < 0.4:
            return None

        def resolve_type(value: Any, info: Any, type_: Any) -> Any:
            if Random(f"{getattr(value, 'seed', None) or value['seed']}{self.seed}").random() < self.trouble / 3:
                return "Nothing"
            return getattr(value, "type_name", None) or (value.get("__typename") if isinstance(value, dict) else None)

        async def resolve_later(value: Any, info: Any, type_: Any) -> Any:
            return resolve_type(value, info, type_)

        return resolve_later if self.random.random() < self.waiting else resolve_type

    def _is_type_of(self, name: str) -> Callable[..., Any] | None:
        if self.random.random() < 0.4:
            return None

        def is_type_of(value: Any, info: Any) -> Any:
            return getattr(value, "type_name", None) == name or (isinstance(value, dict) and value.get("__typename") == name)

        async def is_type_of_later(value: Any, info: Any) -> Any:
            return is_type_of(value, info)

        return is_type_of_later if self.random.random() < self.waiting / 2 else is_type_of

    # Values

    def value(self, type_: Any, seed: str) -> Any:
        random = Random(f"{seed}{self.seed}")
        made = self._value(type_, seed, random)
        if random.random() < self.waiting / 3:
            return _later(made)
        return made

    def _value(self, type_: Any, seed: str, random: Random) -> Any:
        if random.random() < self.trouble / 4:
            return ValueError(f"told at {seed}")
        if is_non_null_type(type_):
            return None if random.random() < self.trouble / 4 else self._value(type_.of_type, seed, random)
        if random.random() < 0.15:
            return None
        if is_list_type(type_):
            return self._items(type_, seed, random)
        if is_leaf_type(type_):
            return self._leaf(type_, random)
        possible = self.schema.get_possible_types(type_) if is_abstract_type(type_) else [type_]
        name = random.choice(list(possible)).name
        if random.random() < self.trouble / 4:
            name = random.choice([each for each in self.schema.type_map if is_object_type(self.schema.type_map[each]) and not each.startswith("_")])
        if random.random() < 0.15 and is_object_type(type_):
            return {"__typename": name, "seed": seed, **{field: self.value(self.fields[name, field], f"{seed}:{field}") for field in self._leaves_of(name)}}
        return (Named if random.random() < 0.7 else Source)(self, name, seed)

    def _leaves_of(self, name: str) -> list[str]:
        return [field for owner, field in self.fields if owner == name and is_leaf_type(self.fields[owner, field])]

    def _items(self, type_: Any, seed: str, random: Random) -> Any:
        if random.random() < self.trouble / 5:
            return 17
        items = [self._value(type_.of_type, f"{seed}[{number}]", random) for number in range(random.choice([0, 1, 2, 4]))]
        how = random.random()
        if how < self.waiting / 4:
            return [_later(item) if random.random() < 0.5 else item for item in items]
        if how < self.waiting / 2:
            return _one_by_one(items)
        return tuple(items) if how > 0.9 else (item for item in items) if how > 0.85 else items

    def _leaf(self, type_: Any, random: Random) -> Any:
        if random.random() < self.trouble / 3:
            return random.choice([object, 2**40, "bad", "nothing", float("nan"), [1], {"a": 1}, b"x", lambda *_: "called"])
        made: dict[str, list[Any]] = {
            "String": ["a", "ü", 5, True, 1.5, Color.RED],
            "Int": [0, -7, 2**31 - 1, 3.0, True],
            "Float": [0.5, 2, -1e300],
            "Boolean": [True, False, 1],
            "ID": ["x1", 12],
            "Color": [Color.RED, Color.BLUE],
            "Stamp": ["a", 5, Color.RED],
        }
        return random.choice(made[type_.name])

    # Queries

    def document(self, seed: int, kind: str = "query") -> tuple[DocumentNode, dict[str, Any]]:
        return _Asking(self, Random(f"{seed}{self.seed}")).document(kind)


class _Asking:
    def __init__(self, world: World, random: Random) -> None:
        self.world, self.random = world, random
        self.fragments: dict[str, str] = {}
        self.variables = {"yes": True, "no": False, "n": random.randint(0, 3), "word": random.choice(["a", None])}

    def document(self, kind: str) -> tuple[DocumentNode, dict[str, Any]]:
        root = self.world.schema.query_type if kind == "query" else self.world.schema.mutation_type
        body = self._selection(root, 3)
        declared = "($yes: Boolean!, $no: Boolean = false, $n: Int, $word: String)"
        text = f"{kind} Q{declared} {body} {' '.join(self.fragments.values())}"
        given = {name: value for name, value in self.variables.items() if name == "yes" or self.random.random() < 0.8}
        return parse(text), given

    def _selection(self, type_: Any, depth: int) -> str:
        if self.random.random() < 0.15 and depth < 3:
            name = f"F{len(self.fragments)}"
            self.fragments[name] = ""
            self.fragments[name] = f"fragment {name} on {type_.name} {self._fields(type_, depth)}"
            return f"{{ ...{name}{self._condition()} __typename }}"
        return self._fields(type_, depth)

    def _fields(self, type_: Any, depth: int) -> str:
        parts = ["__typename"] if self.random.random() < 0.3 else []
        if is_abstract_type(type_):
            for possible in self.world.schema.get_possible_types(type_):
                if self.random.random() < 0.7:
                    parts.append(f"... on {possible.name}{self._condition()} {self._selection(possible, depth)}")
        names = [] if isinstance(type_, GraphQLUnionType) else list(type_.fields)
        for name in self.random.sample(names, self.random.randint(min(1, len(names)), len(names))):
            field = type_.fields[name]
            named = get_named_type(field.type)
            if not is_leaf_type(named) and depth == 0:
                continue
            alias = (
                f"{name}_{type_.name}_{self.random.randint(0, 10**9)}: "
                if self.random.random() < 0.3 or is_abstract_type(type_) or field.args or type_.name.startswith("T")
                else ""
            )
            below = "" if is_leaf_type(named) else f" {self._selection(named, depth - 1)}"
            again = f" {alias}{name}{self._arguments(field)}{below}" if not field.args and self.random.random() < 0.1 else ""
            parts.append(f"{alias}{name}{self._arguments(field)}{self._condition()}{below}{again}")
        return f"{{ {' '.join(parts) or '__typename'} }}"

    def _arguments(self, field: GraphQLField) -> str:
        if not field.args:
            return ""
        given = []
        if self.random.random() < 0.6:
            given.append(f"n: {self.random.choice(['$n', '2', 'null'])}")
        if self.random.random() < 0.4:
            given.append(f"word: {self.random.choice(['$word', chr(34) + 'b' + chr(34)])}")
        if self.random.random() < 0.3:
            given.append(f"sure: {self.random.choice(['$yes', 'false', '$no'])}")
        return f"({', '.join(given)})" if given else ""

    def _condition(self) -> str:
        return self.random.choice(["", "", "", "", "", " @include(if: $yes)", " @skip(if: $no)", " @skip(if: $yes)", " @include(if: $no)", " @include(if: true) @skip(if: false)"])


def _unrolled(value: Any) -> Any:
    return [_unrolled(item) for item in value] if isinstance(value, list | GeneratorType) else value


async def _later(value: Any) -> Any:
    if isinstance(value, Exception):
        raise value
    return value


async def _one_by_one(items: list[Any]) -> Any:
    for item in items:
        yield item
