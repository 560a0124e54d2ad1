"""What every part of the schema must be like, whoever adds it."""

import re
from collections.abc import Iterator

import pytest
from graphql import (
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLUnionType,
    build_schema,
    get_named_type,
)

from tests.architecture.sources import ROOT

SCHEMA = build_schema((ROOT / "schema.graphql").read_text())
TYPES = {name: kind for name, kind in SCHEMA.type_map.items() if not name.startswith("__") and name not in {"String", "Int", "Float", "Boolean", "ID"}}
ROOTS = [kind for kind in (SCHEMA.query_type, SCHEMA.mutation_type, SCHEMA.subscription_type) if kind]


def undescribed(schema: GraphQLSchema) -> Iterator[str]:
    for name, kind in TYPES.items() if schema is SCHEMA else schema.type_map.items():
        if not kind.description:
            yield name
        if isinstance(kind, GraphQLEnumType):
            yield from (f"{name}.{value}" for value, said in kind.values.items() if not said.description)
        if isinstance(kind, GraphQLObjectType | GraphQLInterfaceType | GraphQLInputObjectType):
            yield from (f"{name}.{field}" for field, said in kind.fields.items() if not said.description)
        if isinstance(kind, GraphQLObjectType | GraphQLInterfaceType):
            yield from (f"{name}.{field}({argument}:)" for field, said in kind.fields.items() for argument, its in said.args.items() if not its.description)


def test_everything_is_described() -> None:
    assert list(undescribed(SCHEMA)) == []


def test_deprecations_carry_date_and_replacement() -> None:
    reasons = {
        f"{name}.{field}": said.deprecation_reason
        for name, kind in TYPES.items()
        if isinstance(kind, GraphQLObjectType | GraphQLInterfaceType | GraphQLInputObjectType | GraphQLEnumType)
        for field, said in (kind.values if isinstance(kind, GraphQLEnumType) else kind.fields).items()
        if said.deprecation_reason
    }

    assert {field: reason for field, reason in reasons.items() if not (re.search(r"20\d\d-\d\d-\d\d", reason) and "`" in reason)} == {}


MUTATIONS = SCHEMA.mutation_type.fields if SCHEMA.mutation_type else {}


# Verbs that stand alone in the contract: their object is the session.
BARE = {"signIn", "signUp", "signOut"}


@pytest.mark.parametrize("name", MUTATIONS)
def test_a_mutation_takes_one_input_and_answers_a_payload(name: str) -> None:
    field: GraphQLField = MUTATIONS[name]
    capital = name[0].upper() + name[1:]

    assert re.fullmatch(r"[a-z]+([A-Z][a-z0-9]*)+", name), "a mutation is named objectVerb"
    assert {argument: str(said.type) for argument, said in field.args.items()} == {"input": f"{capital}Input!"}
    assert str(field.type) == f"{capital}Payload!"
    payload = get_named_type(field.type)
    assert isinstance(payload, GraphQLObjectType)
    assert str(payload.fields["errors"].type) == "[UserError!]!"
    assert [other for other, said in payload.fields.items() if other != "errors" and isinstance(said.type, GraphQLNonNull)] == [], "fields of a payload are null when it failed"


def test_user_errors_carry_code_message_and_path() -> None:
    interface = SCHEMA.type_map["UserError"]
    assert isinstance(interface, GraphQLInterfaceType)

    assert {name: str(field.type) for name, field in interface.fields.items()} == {"code": "ErrorCode!", "message": "String!", "path": "[String!]!"}
    assert [kind.name for kind in SCHEMA.get_possible_types(interface) if kind.name.endswith("Error")] == [], "an error type is named by its condition, without suffix"


def _fields() -> Iterator[tuple[str, str, GraphQLField]]:
    for name, kind in TYPES.items():
        if isinstance(kind, GraphQLObjectType | GraphQLInterfaceType):
            yield from ((name, field, said) for field, said in kind.fields.items())


def test_a_connection_is_asked_for_in_pages() -> None:
    found = [(f"{name}.{field}", said) for name, field, said in _fields() if get_named_type(said.type).name.endswith("Connection")]

    assert found
    for name, said in found:
        assert {"first": "Int", "after": "String", "last": "Int", "before": "String"}.items() <= {argument: str(its.type) for argument, its in said.args.items()}.items(), name


@pytest.mark.parametrize("name", [name for name in TYPES if name.endswith("Connection")])
def test_a_connection_has_edges_nodes_and_page_info(name: str) -> None:
    kind = TYPES[name]
    assert isinstance(kind, GraphQLObjectType)
    of = name.removesuffix("Connection")

    assert str(kind.fields["nodes"].type) == f"[{of}!]!"
    assert str(kind.fields["edges"].type) == f"[{of}Edge!]!"
    assert str(kind.fields["pageInfo"].type) == "PageInfo!"
    edge, node = TYPES[f"{of}Edge"], TYPES[of]
    assert isinstance(edge, GraphQLObjectType)
    assert {field: str(said.type) for field, said in edge.fields.items()} == {"node": f"{of}!", "cursor": "String!"}
    assert isinstance(node, GraphQLObjectType)
    assert "Node" in {interface.name for interface in node.interfaces}, "whatever is listed has an id"


def test_money_and_grants_carry_an_idempotency_key() -> None:
    """Mutations that enroll, grant, pay, start an attempt, issue, send, post or start a job cannot be done twice by a nervous client."""
    verbs = r"(Enroll|Grant|Pay|Complete|Refund|Start|Issue|Send|Post|Transfer|Import|Export|Create)$"
    # Doing these again changes nothing by their nature.
    harmless = {"lectureComplete", "providerSignInStart", "totpEnroll"}
    without = []
    for name, field in MUTATIONS.items():
        kind = get_named_type(field.args["input"].type)
        if re.search(verbs, name) and name not in harmless and isinstance(kind, GraphQLInputObjectType):
            key = kind.fields.get("idempotencyKey")
            if key is None or str(key.type) != "String!":
                without.append(name)

    assert without == []


# --- The key of a question. ---

KEY = re.compile(r"correct|answer|(?<!api)key|feedback|solution|explanation|right", re.IGNORECASE)

# Fields with such a name that a learner may read, and why.
ALLOWED = {
    "Attempt.answers": "their own answers",
    "AttemptResultItem.correct": "whether their own answer was right, once the attempt is closed",
    "AttemptResultItem.feedback": "the author's words on what they answered, once the attempt is closed",
    "DisputeEvidence.duplicateChargeExplanation": "a school's words to a bank",
    "DisputeEvidence.refundRefusalExplanation": "a school's words to a bank",
    "Mutation.attemptAnswerSave": "saves their own answer",
}

# Types that only those who write a course or grade it can reach; what leads there is checked by roles.
AUTHORS = {"Question", "QuizDraft", "CourseDraft", "QuestionDraft"}


def key_fields(schema: GraphQLSchema) -> set[str]:
    """Fields, reachable from the roots, whose name could be the key's."""
    found, seen = set(), set()
    waiting = [kind for kind in (schema.query_type, schema.mutation_type, schema.subscription_type) if kind]
    while waiting:
        kind = waiting.pop()
        if kind.name in seen or kind.name in AUTHORS:
            continue
        seen.add(kind.name)
        if isinstance(kind, GraphQLUnionType | GraphQLInterfaceType):
            waiting.extend(schema.get_possible_types(kind))
        if isinstance(kind, GraphQLObjectType | GraphQLInterfaceType):
            for name, field in kind.fields.items():
                if KEY.search(name):
                    found.add(f"{kind.name}.{name}")
                waiting.append(get_named_type(field.type))
    return found


def test_no_learner_can_reach_the_key() -> None:
    assert key_fields(SCHEMA) == set(ALLOWED)


def test_a_field_for_the_key_is_seen() -> None:
    schema = build_schema(
        "type Query { attempt: Attempt } type Attempt { questions: [Prompt!] } interface Prompt { id: ID } type Choice implements Prompt { id: ID isCorrect: Boolean }"
    )

    assert key_fields(schema) == {"Choice.isCorrect"}
