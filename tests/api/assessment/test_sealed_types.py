"""The schema itself keeps the key from learners: what shows a question has no field that could hold it."""

from graphql import GraphQLInterfaceType, GraphQLObjectType, get_named_type

from lms_graph.schema import schema

TELLING = {"correct", "answer", "answers", "key", "feedback", "accepted", "value", "solution", "explanation", "body", "earned"}


def _fields_below(name: str) -> set[str]:
    """The names of all fields that can be reached from a type, and from what implements it."""
    graph = schema._schema
    waiting, seen, names = [graph.type_map[name]], set(), set()
    while waiting:
        kind = waiting.pop()
        if kind.name in seen or not isinstance(kind, (GraphQLObjectType, GraphQLInterfaceType)):
            continue
        seen.add(kind.name)
        if isinstance(kind, GraphQLInterfaceType):
            waiting += graph.get_possible_types(kind)
        for field_name, field in kind.fields.items():
            names.add(field_name)
            waiting.append(get_named_type(field.type))
    return names


def test_no_path_leads_from_a_question_or_a_quiz_to_its_key() -> None:
    for name in ("QuestionPrompt", "ChoicePrompt", "TrueFalsePrompt", "QuizOverview"):
        assert not _fields_below(name) & TELLING, name


def test_the_option_of_a_prompt_is_an_id_and_a_text() -> None:
    assert _fields_below("PromptOption") == {"id", "text"}


def test_what_an_answer_earned_is_only_in_a_result() -> None:
    telling = {
        kind.name: fields for kind in schema._schema.type_map.values() if isinstance(kind, GraphQLObjectType) and (fields := set(kind.fields) & {"correct", "feedback", "earned"})
    }

    assert telling == {"AttemptResultItem": {"correct", "feedback", "earned"}}
