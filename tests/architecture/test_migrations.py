"""The migrations make what the models say; and what stands in the database keeps tenants apart."""

import importlib
import re
from typing import Any

import asyncpg
import pytest
from tortoise.context import TortoiseContext
from tortoise.fields.data import CharEnumFieldInstance
from tortoise.migrations.autodetector import MigrationAutodetector

from lms_graph.kit.caller import Caller
from lms_graph.models.base import TenantRow
from lms_graph.models.catalog import InstructorRole
from lms_graph.models.database import MODELS, configuration
from tests.architecture.catalogue import FOREIGN, columns, constraints, indexes, parents, tables, values_of
from tests.architecture.sources import PACKAGE
from tests.factories.accounts import instructor
from tests.factories.courses import course, text
from tests.factories.tenants import tenant
from tests.fixtures.house import House

pytestmark = pytest.mark.anyio

# Tables made in SQL only, for Tortoise cannot say them.
IN_SQL_ONLY = {"progress_events"}
# Columns that only PostgreSQL fills.
GENERATED = {("accounts", "search_name"), ("courses", "search"), ("courses", "search_text")}
# Keys that look up a tenant, and so cannot start with it.
TENANTLESS_UNIQUES = {
    "tenants_id_key": "every table refers to its tenant",
    "tenants_slug_key": "`X-Tenant` names a tenant",
    "domains_verified_host": "the host names a tenant",
    "tenants_platform": "there is one platform",
    "session_tokens_hash": "the token names a tenant",
    "api_keys_hash": "the key names a tenant",
    "facts_position": "one feed, in the order of commits",
}


def models() -> dict[str, type[TenantRow]]:
    """Every model, by its table."""
    found = {}
    for name in MODELS:
        for model in vars(importlib.import_module(name)).values():
            if isinstance(model, type) and issubclass(model, TenantRow) and not model._meta.abstract:
                found[str(model._meta.db_table)] = model
    return found


async def test_no_migration_is_missing() -> None:
    config = configuration("postgres://x@localhost/x", "postgres://x@localhost/x")
    async with TortoiseContext() as context:
        await context.init(config=config)
        writers = await MigrationAutodetector(context.apps, config["apps"]).changes()

    operations = [str(operation.describe()) if hasattr(operation, "describe") else repr(operation) for writer in writers for operation in writer.operations]
    assert operations == [], "Models have changed: make a migration, with tables, checks and references as in `models/ddl.py`."


async def test_those_who_taught_before_there_were_teams_have_their_parts(house: House, superuser: asyncpg.Connection) -> None:
    """The lead who stands first is the creator, all others edit."""
    (name,) = [path.stem for path in (PACKAGE / "migrations").glob("*_members_and_teams.py")]
    tenant_id, _ = await tenant()
    system = Caller.system(tenant_id)
    people = [await instructor(system) for _ in range(3)]
    parts = (InstructorRole.ASSISTANT, InstructorRole.LEAD, InstructorRole.LEAD)
    made = await course(system, text(), instructors=tuple(zip(people, parts, strict=True)))
    alone = await course(system, text())
    async with superuser.transaction():
        await superuser.execute("DELETE FROM course_team")
        await superuser.execute(importlib.import_module(f"lms_graph.migrations.{name}")._TEAMS)
        team = await superuser.fetch("SELECT account_id, role FROM course_team WHERE tenant_id = $1 AND course_id = ANY($2)", tenant_id, [made.course_id, alone.course_id])

    assert {row["account_id"]: row["role"] for row in team} == dict(zip(people, ["EDITOR", "CREATOR", "EDITOR"], strict=True))


async def test_tables_and_columns_are_those_of_the_models(owner: asyncpg.Connection) -> None:
    found = await columns(owner)

    assert set(found) - IN_SQL_ONLY == set(models())
    for table, model in models().items():
        present = {name: column["nullable"] for name, column in found[table].items() if (table, name) not in GENERATED}
        meant = {field.source_field or name: bool(field.null) for name, field in model._meta.fields_map.items()}
        assert present == meant, table


async def test_every_key_is_led_by_the_tenant(owner: asyncpg.Connection) -> None:
    keys = {row["table"]: row["columns"] for row in await constraints(owner, "p") if row["table"] not in FOREIGN}
    found = await columns(owner)

    assert set(keys) == set(await parents(owner))
    assert {table: key for table, key in keys.items() if table not in IN_SQL_ONLY and key != ["tenant_id", "id"]} == {}
    assert {table: key for table, key in keys.items() if key[0] != "tenant_id"} == {}
    assert {table for table in keys if found[table]["tenant_id"]["nullable"] or found[table]["tenant_id"]["type"] != "uuid"} == set()


async def test_no_reference_crosses_tenants(owner: asyncpg.Connection) -> None:
    references = await constraints(owner, "f")
    to_tenant = {row["table"] for row in references if row["target"] == "tenants" and row["columns"] == ["tenant_id"]}
    others = [row for row in references if row["columns"] != ["tenant_id"]]

    assert to_tenant == set(await parents(owner)) - {"tenants"}
    assert others
    assert [row["name"] for row in others if row["columns"][0] != "tenant_id" or row["targets"] != ["tenant_id", "id"]] == []


async def test_a_column_named_after_a_table_refers_to_it(owner: asyncpg.Connection) -> None:
    """What is called `…_id` is a reference, unless it is stated here why it is opaque."""
    opaque = {
        ("tenants", "tenant_id"): "its own id, by a CHECK",
        ("attempts", "subject_id"): "assessment knows no run",
        ("attempts", "place_id"): "assessment knows no lecture",
        ("certificates", "subject_id"): "a run, or later a path",
        ("entitlements", "subject_id"): "a course, or later a path",
        ("entitlements", "source_id"): "what commerce says",
        ("entitlements", "granted_by_key_id"): "a grant outlives the key",
        ("mails", "about_id"): "a challenge, a session or a delivery, and it outlives each",
        ("mails", "provider_id"): "the carrier's own",
        ("audit_entries", "api_key_id"): "an entry outlives everything",
        ("social_providers", "client_id"): "Google's or GitHub's own",
        ("facts", "aggregate_id"): "of any table",
        ("facts", "account_id"): "a fact outlives the account",
        ("offers", "subject_id"): "a course, bundle or path",
        ("order_lines", "subject_id"): "the same, as it was sold",
        ("checkouts", "provider_session_id"): "the payment provider's own",
        ("orders", "provider_invoice_id"): "the payment provider's own",
        ("payments", "provider_payment_id"): "the payment provider's own",
        ("payments", "provider_charge_id"): "the payment provider's own",
        ("refunds", "provider_refund_id"): "the payment provider's own",
        ("disputes", "provider_dispute_id"): "the payment provider's own",
        ("subscriptions", "provider_subscription_id"): "the payment provider's own",
        ("payment_customers", "provider_customer_id"): "the payment provider's own",
        ("provider_objects", "provider_id"): "the payment provider's own",
        ("provider_objects", "own_id"): "of any table",
        ("provider_events", "provider_event_id"): "the payment provider's own",
        ("provider_events", "object_id"): "the payment provider's own",
        ("payees", "provider_account_id"): "the payment provider's own",
        ("payees", "tax_id"): "a tax office's own",
        ("premium_periods", "source_id"): "payouts knows no order and no plan",
        ("payouts", "provider_transfer_id"): "the payment provider's own",
        ("provider_accounts", "provider_account_id"): "the payment provider's own",
        ("line_shares", "line_id"): "payouts knows no order",
        ("line_shares", "order_id"): "payouts knows no order",
        ("ledger_transactions", "source_id"): "a payment, refund, dispute, payout or period",
        ("ledger_transactions", "order_id"): "payouts knows no order",
        ("ledger_entries", "order_id"): "payouts knows no order",
        ("progress_devices", "device_id"): "the client's own",
        ("progress_events", "device_id"): "the client's own",
        ("progress_events", "client_event_id"): "the client's own",
        ("progress_events", "enrollment_id"): "the hottest table: what it says is checked against `lecture_progress` and dropped by month",
        ("progress_events", "lecture_id"): "the same",
    }
    references = {(row["table"], row["columns"][-1]) for row in await constraints(owner, "f")}
    named = {(table, name) for table, of in (await columns(owner)).items() for name in of if name.endswith("_id")}

    assert named - references - set(opaque) == set()
    assert set(opaque) - named == set()


async def test_every_reference_has_an_index_that_covers_it(owner: asyncpg.Connection) -> None:
    """Else deleting what is referred to reads the whole table, and so does each list of children. An index on the rows that have the reference will do."""
    found = await indexes(owner)

    def covered(reference: asyncpg.Record) -> bool:
        wanted = reference["columns"]
        return any(
            index["table"] == reference["table"]
            and index["method"] == "btree"
            and (index["columns"] or [])[: len(wanted)] == wanted
            and index["condition"] in {None, f"({wanted[-1]} IS NOT NULL)"}
            for index in found
        )

    assert [row["name"] for row in await constraints(owner, "f") if not covered(row)] == []


async def test_uniques_start_with_the_tenant(owner: asyncpg.Connection) -> None:
    """Otherwise one tenant could learn what another has by running into it."""
    found = {row["name"] for row in await indexes(owner) if row["unique"] and row["columns"][0] != "tenant_id" and row["table"] not in FOREIGN}

    assert found == set(TENANTLESS_UNIQUES)


async def test_an_enum_column_lets_its_values_through_and_no_other(owner: asyncpg.Connection) -> None:
    checks: dict[tuple[str, str], set[str]] = {}
    for row in await constraints(owner, "c"):
        if len(row["columns"] or ()) == 1 and re.match(r"CHECK \(\(\(\w+\)::text = ", row["definition"]):
            checks[row["table"], row["columns"][0]] = values_of(row["definition"])
    fields: dict[tuple[str, str], Any] = {
        (table, name): field for table, model in models().items() for name, field in model._meta.fields_map.items() if isinstance(field, CharEnumFieldInstance)
    }

    assert fields
    assert {place: checks.get(place) for place in fields} == {place: {value.value for value in field.enum_type} for place, field in fields.items()}


async def test_every_table_is_behind_row_policies(owner: asyncpg.Connection) -> None:
    open_ones = await owner.fetch(
        "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND NOT relrowsecurity AND NOT relname = ANY($1)", list(FOREIGN)
    )
    policies = await owner.fetch("SELECT tablename, policyname, roles::text[] AS roles, cmd, qual, with_check FROM pg_policies WHERE policyname = 'tenant'")
    tenant = "(tenant_id = (NULLIF(current_setting('app.tenant'::text, true), ''::text))::uuid)"

    assert open_ones == []
    assert {row["tablename"] for row in policies} == set(await parents(owner))
    for row in policies:
        assert (row["roles"], row["cmd"], row["qual"], row["with_check"]) == (["lms_app"], "ALL", tenant, tenant), row["tablename"]


async def test_no_policy_opens_more_to_the_application(owner: asyncpg.Connection) -> None:
    """Policies add up: one more for `lms_app`, or for everybody, would open a door beside the tenant's."""
    policies = await owner.fetch("SELECT tablename, policyname FROM pg_policies WHERE policyname <> 'tenant' AND (roles && ARRAY['lms_app', 'public']::name[])")

    assert policies == []


async def test_the_application_owns_nothing_and_bypasses_nothing(owner: asyncpg.Connection) -> None:
    roles = await owner.fetch("SELECT rolname, rolsuper, rolbypassrls, rolcreaterole, rolcreatedb FROM pg_roles WHERE rolname IN ('lms_app', 'lms_system')")
    owned = await owner.fetch("SELECT relname FROM pg_class WHERE pg_get_userbyid(relowner) IN ('lms_app', 'lms_system')")
    members = await owner.fetch("SELECT 1 FROM pg_auth_members WHERE pg_get_userbyid(member) IN ('lms_app', 'lms_system')")
    may_create = await owner.fetch("SELECT role FROM unnest(ARRAY['lms_app', 'lms_system']) AS role WHERE has_schema_privilege(role, 'public', 'CREATE')")

    assert len(roles) == 2
    assert [row["rolname"] for row in roles if row["rolsuper"] or row["rolbypassrls"] or row["rolcreaterole"] or row["rolcreatedb"]] == []
    assert (owned, members, may_create) == ([], [], [])


ALL = {"SELECT", "INSERT", "UPDATE", "DELETE"}
APP_RIGHTS = {
    "audit_entries": {"SELECT", "INSERT"},
    "invoices": {"SELECT", "INSERT"},
    "ledger_transactions": {"SELECT", "INSERT"},
    "ledger_entries": {"SELECT", "INSERT"},
    "facts": {"SELECT", "INSERT"},
    "aggregates": {"SELECT", "INSERT", "UPDATE"},
    "deliveries": {"SELECT", "UPDATE"},
    "progress_events": {"SELECT", "INSERT"},
} | {
    table: {"SELECT", "INSERT", "UPDATE"}
    for table in (
        "orders",
        "order_lines",
        "payments",
        "refunds",
        "disputes",
        "provider_objects",
        "provider_events",
        "invoice_counters",
        "line_shares",
        "payouts",
        "statements",
        "subscription_requests",
        "access_pools",
    )
}
SYSTEM_RIGHTS = {
    "mails": {"DELETE"},
    "facts": {"SELECT", "UPDATE", "DELETE"},
    "deliveries": ALL,
    "idempotency_keys": {"SELECT", "DELETE"},
    "tenants": {"SELECT"},
    "domains": {"SELECT"},
    "mail_domains": {"SELECT"},
    "session_tokens": {"SELECT", "DELETE"},
    "sessions": {"SELECT", "DELETE"},
    "challenges": {"DELETE"},
    "second_factor_tokens": {"DELETE"},
    "account_roles": {"SELECT"},
    "identity_providers": {"SELECT"},
    "provider_objects": {"SELECT"},
}
SYSTEM_COLUMNS = {
    "accounts": {"tenant_id", "id", "status", "locale"},
    "api_keys": {"tenant_id", "id", "kind", "scopes", "key_hash", "account_id", "expires_at", "last_used_at", "revoked_at"},
    "external_identities": {"tenant_id", "account_id", "issuer", "subject"},
    "files": {"tenant_id", "id", "object_key", "content_type", "size_bytes", "sha256", "is_public"},
    "certificates": {"tenant_id", "code"},
    "signing_keys": {"tenant_id", "id", "public_key"},
    "challenges": {"tenant_id", "id", "expires_at"},
    "second_factor_tokens": {"tenant_id", "id", "expires_at"},
    "mails": {"created_at"},
}


async def _rights(owner: asyncpg.Connection, role: str) -> dict[str, set[str]]:
    rows = await owner.fetch("SELECT table_name, privilege_type FROM information_schema.role_table_grants WHERE grantee = $1 AND table_schema = 'public'", role)
    found: dict[str, set[str]] = {}
    for row in rows:
        found.setdefault(row["table_name"], set()).add(row["privilege_type"])
    return found


async def test_the_application_has_the_rights_that_are_stated(owner: asyncpg.Connection) -> None:
    """On partitions none: they are reached through their parent only, whose policy holds."""
    assert await _rights(owner, "lms_app") == {table: APP_RIGHTS.get(table, ALL) for table in await parents(owner)}
    assert await _rights(owner, "PUBLIC") == {}


async def test_the_system_has_the_rights_that_are_stated(owner: asyncpg.Connection) -> None:
    single = await owner.fetch("SELECT table_name, column_name, privilege_type FROM information_schema.column_privileges WHERE grantee = 'lms_system' AND table_schema = 'public'")
    by_column: dict[str, set[str]] = {}
    for row in single:
        if "SELECT" not in SYSTEM_RIGHTS.get(row["table_name"], ()):
            assert row["privilege_type"] == "SELECT"
            by_column.setdefault(row["table_name"], set()).add(row["column_name"])

    assert await _rights(owner, "lms_system") == SYSTEM_RIGHTS
    assert by_column == SYSTEM_COLUMNS


async def test_the_systems_policies_are_those_that_are_stated(owner: asyncpg.Connection) -> None:
    rows = await owner.fetch("SELECT tablename, qual FROM pg_policies WHERE 'lms_system' = ANY(roles)")

    assert {row["tablename"]: row["qual"] for row in rows} == dict.fromkeys([*SYSTEM_RIGHTS, *SYSTEM_COLUMNS], "true") | {
        "domains": "((status)::text = 'VERIFIED'::text)",
        "mail_domains": "((status)::text = 'VERIFIED'::text)",
        "files": "is_public",
        "identity_providers": "is_enabled",
        "mails": "(created_at < (now() - '30 days'::interval))",
    }


async def test_functions_that_run_as_the_owner_are_fenced(owner: asyncpg.Connection) -> None:
    """Their path to names is fixed, and only who is meant may call them."""
    callers = {"search_courses": ["lms_app"], "search_members": ["lms_app"], "prepare_progress_partitions": ["lms_system"], "check_ledger_balance": [], "refuse_other_currency": []}
    rows = await owner.fetch(
        "SELECT p.proname AS name, p.proconfig AS settings, has_function_privilege('public', p.oid, 'EXECUTE') AS open, "
        "ARRAY(SELECT role FROM unnest(ARRAY['lms_app', 'lms_system']) AS role WHERE has_function_privilege(role, p.oid, 'EXECUTE')) AS callers "
        "FROM pg_proc p WHERE p.pronamespace = 'public'::regnamespace AND p.prosecdef"
    )

    assert {row["name"]: row["callers"] for row in rows} == callers
    assert [row["name"] for row in rows if row["open"] or "search_path=public, pg_temp" not in (row["settings"] or [])] == []


async def test_every_table_is_known_to_this_test(owner: asyncpg.Connection) -> None:
    assert {table for table in await tables(owner) if not table.startswith("progress_events_20")} == set(models()) | IN_SQL_ONLY
