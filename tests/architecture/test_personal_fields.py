"""What says how a person can be reached or found is closed by default: a field with it names the permission that opens it, or stands here with the reason why nobody else can come to it."""

import re
from collections.abc import Iterator

import pytest
from graphql import GraphQLInterfaceType, GraphQLObjectType, GraphQLSchema, build_schema

from tests.architecture.sources import ROOT

SCHEMA = build_schema((ROOT / "schema.graphql").read_text())
PERSONAL = re.compile(
    r"e-?mail(?!Verified)|phone|street|postal|\bzip|city|birth|(^|ip|billing|shipping|home)address|^ip$|userAgent|device|location|taxId|iban|passport", re.IGNORECASE
)
GUARDS = {"requires", "personal"}

# Fields with such a name that take no permission, and why.
OWN = {
    "EmailOwner.email": "of whoever has followed the link that was mailed there",
    "SignedInSession.userAgent": "of one's own session, which only its owner sees",
    "Storefront.supportEmail": "the school's, which it publishes",
    "Tenant.supportEmail": "the same",
    "Seller.address": "a school's, which it prints on invoices",
    "Seller.taxId": "the same",
    "IdentityProvider.emailClaim": "the name of a claim",
}


def open_fields(schema: GraphQLSchema) -> Iterator[str]:
    """Fields that give something personal and name no guard. Roots are left out: what they give has a type."""
    roots = {schema.query_type, schema.mutation_type, schema.subscription_type}
    for name, kind in schema.type_map.items():
        if name.startswith("__") or kind in roots or not isinstance(kind, GraphQLObjectType | GraphQLInterfaceType):
            continue
        for field, said in kind.fields.items():
            directives = {directive.name.value for directive in (said.ast_node.directives or ())} if said.ast_node else set()
            if PERSONAL.search(field) and not directives & GUARDS:
                yield f"{name}.{field}"


def test_personal_fields_name_their_guard() -> None:
    assert set(open_fields(SCHEMA)) - set(OWN) == set()


def test_no_exception_outlives_its_field() -> None:
    assert set(OWN) - set(open_fields(SCHEMA)) == set()


@pytest.mark.parametrize("field", ["email", "contactEmail", "phoneNumber", "ipAddress", "address", "birthDate", "postalCode", "userAgent"])
def test_a_personal_field_without_a_guard_is_seen(field: str) -> None:
    schema = build_schema(
        f"directive @requires(anyOf: [String!]!) on FIELD_DEFINITION type Query {{ m: Member }} type Member {{ {field}: String name: String emailVerified: Boolean }}"
    )

    assert list(open_fields(schema)) == [f"Member.{field}"]


def test_a_guard_is_seen() -> None:
    schema = build_schema('directive @requires(anyOf: [String!]!) on FIELD_DEFINITION type Query { m: Member } type Member { email: String @requires(anyOf: ["PERSONAL_READ"]) }')

    assert list(open_fields(schema)) == []
