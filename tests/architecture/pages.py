"""The pages of `docs/` that are made from the code: `python -m tests.architecture.pages` writes them."""

from graphql import GraphQLEnumType, GraphQLInterfaceType, GraphQLObjectType, GraphQLSchema, build_schema

from lms_graph.domain.identity.rules.permissions import PERMISSIONS
from lms_graph.kit.ids import new_id, public_id
from lms_graph.schema import sdl
from lms_graph.types.nodes import PREFIXES
from tests.architecture.sources import ROOT

WRITE = "Write it with `python -m tests.architecture.pages`."


def nodes(schema: GraphQLSchema) -> list[str]:
    """The types that implement Node."""
    interface = schema.type_map["Node"]
    assert isinstance(interface, GraphQLInterfaceType)
    return sorted(kind.name for kind in schema.get_possible_types(interface))


def _table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    return "\n".join("| " + " | ".join(row) + " |" for row in [head, tuple("---" for _ in head), *rows])


def _words(text: str | None) -> str:
    return " ".join((text or "").split())


def ids_page(schema: GraphQLSchema) -> str:
    """`docs/ids.md`: a prefix per type."""
    found = set(nodes(schema))
    rows = []
    for name, prefix in sorted(PREFIXES.items()):
        kind = schema.type_map.get(name)
        what = _words(kind.description).split(". ")[0].rstrip(".") + "." if isinstance(kind, GraphQLObjectType) else "No node: its id stands in other objects only."
        rows.append((name, f"`{prefix}_`", "yes" if name in found else "no", what))
    length = len(public_id("crs", new_id()))
    return f"""# Ids

An id is a string such as `crs_…`: a prefix, an underscore and a UUIDv7 in {length - 4} letters and digits. It is unique in the whole API, never changes and is
never used twice. Treat it as opaque: the prefix is for people who read logs.

`node(id:)` and `nodes(ids:)` answer the object behind any id of a type that is a node, if you may see it, and null otherwise; they do not tell
what is missing from what is hidden. One row may have several ids, one for each type that shows it: Viewer, Profile and Instructor of one person
differ, so that an id says as what it was given to you.

{_table(("Type", "Prefix", "Node", "What it is"), rows)}
"""


def enums_page(schema: GraphQLSchema) -> str:
    """`docs/enums.md`: every enum with its values."""
    parts = []
    for name, kind in sorted(schema.type_map.items()):
        if isinstance(kind, GraphQLEnumType) and not name.startswith("__"):
            values = [
                (f"`{value}`", _words(said.description) + (f" Deprecated: {_words(said.deprecation_reason)}" if said.deprecation_reason else ""))
                for value, said in kind.values.items()
            ]
            parts.append(f"## {name}\n\n{_words(kind.description)}\n\n{_table(('Value', 'Meaning'), values)}\n")
    return (
        "# Enums\n\nAll enums of the API and what their values mean. A client meets values that it does not know with a default: some enums say that more may come.\n\n"
        + "\n".join(parts)
    )


def permissions_page(schema: GraphQLSchema) -> str:
    """`docs/api/permissions.md`: every permission, who holds it by role, and which fields take it."""
    kind = schema.type_map["Permission"]
    assert isinstance(kind, GraphQLEnumType)
    takes: dict[str, list[str]] = {name: [] for name in kind.values}
    for owner in schema.type_map.values():
        for field, said in owner.fields.items() if isinstance(owner, GraphQLObjectType) else ():
            for directive in (said.ast_node and said.ast_node.directives) or ():
                for argument in (directive.arguments or ()) if directive.name.value in {"requires", "personal"} else ():
                    named = getattr(argument.value, "values", (argument.value,))
                    shown = field if owner in (schema.query_type, schema.mutation_type, schema.subscription_type) else f"{owner.name}.{field}"
                    for value in named:
                        takes[value.value].append(f"`{shown}`")
    rows = [
        (
            f"`{name}`",
            _words(said.description),
            ", ".join(role.value for role, held in PERMISSIONS.items() if name in held) or "nobody yet",
            ", ".join(sorted(set(takes[name]))) or "—",
        )
        for name, said in sorted(kind.values.items())
    ]
    return f"""# Permissions

What may be done in a school beyond what is one's own. Roles hold them, and an [API key](keys.md) has some of its maker's as scopes. `viewer.permissions` are those of the request; the schema says with
`@requires(anyOf:)` which root field takes which, and with `@personal` what is seen with it. Where a field asks for none, the rule depends on the object, and its description says who may.

{_table(("Permission", "With it one may", "Held by", "Fields that say so"), rows)}
"""


PAGES = {"docs/ids.md": ids_page, "docs/enums.md": enums_page, "docs/api/permissions.md": permissions_page}


if __name__ == "__main__":
    present = build_schema(sdl())
    for path, page in PAGES.items():
        (ROOT / path).write_text(page(present))
        print(f"{path} written.")
