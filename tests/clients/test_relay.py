"""The schema as Relay's compiler reads it: documents are made of the schema itself, so that a new node or list is in them without anybody's doing."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from graphql import (
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLSchema,
    build_schema,
    get_named_type,
    is_leaf_type,
    is_object_type,
)

from tests.architecture.sources import ROOT
from tests.clients.conftest import Done, Run

pytestmark = [pytest.mark.anyio, pytest.mark.xdist_group("clients")]

SDL = (ROOT / "schema.graphql").read_text()
MODULE = "Every"  # Relay wants its file's name before every operation and fragment


def nodes(schema: GraphQLSchema) -> list[GraphQLObjectType]:
    node = schema.type_map["Node"]
    assert isinstance(node, GraphQLInterfaceType)
    return [kind for kind in schema.get_possible_types(node) if kind is not schema.query_type]


def leaves(kind: GraphQLObjectType) -> str:
    return " ".join(name for name, field in kind.fields.items() if is_leaf_type(get_named_type(field.type)) and not field.args)


def node_documents(schema: GraphQLSchema) -> Iterator[str]:
    """Each node asked for again by its id, and by a list of ids."""
    for kind in nodes(schema):
        yield f'fragment {MODULE}_{kind.name} on {kind.name} @refetchable(queryName: "{MODULE}{kind.name}Query") {{ {leaves(kind)} }}'
        yield f'query {MODULE}{kind.name}ListQuery($ids: [ID!]!) {{ nodes(ids: $ids) {{ __typename ...{MODULE}_{kind.name} @alias(as: "{kind.name}") }} }}'


def connections(schema: GraphQLSchema) -> Iterator[tuple[GraphQLObjectType, str, GraphQLObjectType]]:
    """Every list in pages: the type that has it, its field, and what is listed."""
    for kind in schema.type_map.values():
        if is_object_type(kind):
            for name, field in kind.fields.items():
                of = get_named_type(field.type).name.removesuffix("Connection")
                if get_named_type(field.type).name.endswith("Connection"):
                    listed = schema.type_map[of]
                    assert isinstance(listed, GraphQLObjectType)
                    yield kind, name, listed


def connection_documents(schema: GraphQLSchema) -> Iterator[str]:
    """Each list paged in either direction, as `usePaginationFragment` does."""
    for kind, name, listed in connections(schema):
        for way, count, cursor in (("Forward", "first", "after"), ("Backward", "last", "before")):
            label = f"{MODULE}{kind.name}{name[0].upper()}{name[1:]}{way}"
            required = {argument: said.type for argument, said in kind.fields[name].args.items() if isinstance(said.type, GraphQLNonNull)}
            defined = "".join(f', {argument}: {{type: "{of}"}}' for argument, of in required.items())
            passed = "".join(f", {argument}: ${argument}" for argument in required)
            yield (
                f"fragment {MODULE}_{kind.name}_{name}_{way} on {kind.name}"
                f' @refetchable(queryName: "{label}Query") @argumentDefinitions({count}: {{type: "Int", defaultValue: 20}}, {cursor}: {{type: "String"}}{defined})'
                f' {{ {name}({count}: ${count}, {cursor}: ${cursor}{passed}) @connection(key: "{label}_{name}") {{ edges {{ node {{ ...{MODULE}_{listed.name} }} }} }} }}'
            )


def root_documents(schema: GraphQLSchema) -> Iterator[str]:
    """Each mutation and subscription, with the nodes it gives."""
    for word, root in (("mutation", schema.mutation_type), ("subscription", schema.subscription_type)):
        for name, field in root.fields.items() if root else ():
            variables = ", ".join(f"${argument}: {said.type}" for argument, said in field.args.items())
            arguments = ", ".join(f"{argument}: ${argument}" for argument in field.args)
            yield f"{word} {MODULE}{name[0].upper()}{name[1:]}{word.title()}({variables}) {{ {name}({arguments}) {{ {told(schema, field)} }} }}"


def told(schema: GraphQLSchema, field: GraphQLField) -> str:
    kind = get_named_type(field.type)
    assert isinstance(kind, GraphQLObjectType)
    if kind in nodes(schema):
        return f"...{MODULE}_{kind.name}"
    inside = [f"{name} {{ ...{MODULE}_{listed.name} }}" for name, part in kind.fields.items() if (listed := get_named_type(part.type)) in nodes(schema)]
    errors = ["errors { __typename code message path }"] if "errors" in kind.fields else []
    return " ".join([leaves(kind), *inside, *errors])


def documents(schema: GraphQLSchema) -> list[str]:
    return [*node_documents(schema), *connection_documents(schema), *root_documents(schema)]


async def compile_documents(program: Run, folder: Path, sdl: str, written: list[str]) -> Done:
    (folder / "src").mkdir()
    (folder / "src" / f"{MODULE}.ts").write_text("\n".join(f"graphql`{document}`" for document in written))
    (folder / "schema.graphql").write_text(sdl)
    scalars = {"DateTime": "string", "Decimal": "string", "JSON": "unknown"}
    (folder / "relay.config.json").write_text(json.dumps({"src": "src", "schema": "schema.graphql", "language": "typescript", "customScalarTypes": scalars}))
    return await program("relay-compiler", "relay.config.json", cwd=folder)


class TestRelayCompiler:
    async def test_compiles_every_node_list_mutation_and_subscription(self, program: Run, tmp_path: Path) -> None:
        schema = build_schema(SDL)

        done = await compile_documents(program, tmp_path, SDL, documents(schema))

        assert (done.status, "[ERROR]" in done.told, "[WARN]" in done.told) == (0, False, False), done.told
        assert len(list((tmp_path / "src" / "__generated__").glob("*Query.graphql.ts"))) == 2 * len(nodes(schema)) + 2 * len(list(connections(schema)))

    async def test_would_refuse_a_list_without_cursors(self, program: Run, tmp_path: Path) -> None:
        without = SDL.replace("  cursor: String!", "  place: String!")
        assert without != SDL

        done = await compile_documents(program, tmp_path, without, documents(build_schema(without)))

        assert done.status != 0
        assert "cursor" in done.told


def test_the_lists_are_found() -> None:
    found = {f"{kind.name}.{name}": listed.name for kind, name, listed in connections(build_schema(SDL))}

    assert {"Query.courses": "Course", "Viewer.enrollments": "Enrollment", "Viewer.certificates": "Certificate"}.items() <= found.items()
