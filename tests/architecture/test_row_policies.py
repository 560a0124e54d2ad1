"""The second wall, tried at every table: the application's role without its tenant sees nothing, and with one sees that one alone. And what is frozen stays so."""

from collections.abc import AsyncIterator
from uuid import UUID, uuid4

import asyncpg
import pytest

from tests.architecture.catalogue import columns, constraints, parents
from tests.factories.schools import FullSchool, full_school
from tests.fixtures.house import House

pytestmark = pytest.mark.anyio

# What no school of the tests has by its own doing: made in SQL below.
BY_HAND = {
    "domains": "INSERT INTO domains (tenant_id, id, host, is_primary, status, created_at) VALUES ($1, $2, $2::uuid::text || '.example', false, 'VERIFIED', now())",
    "mail_domains": "INSERT INTO mail_domains (tenant_id, id, host, status, created_at) VALUES ($1, $2, 'school.example', 'PENDING', now())",
    "jobs": "INSERT INTO jobs (tenant_id, id, kind, state, progress_percent, errors, created_at) VALUES ($1, $2, 'x', 'QUEUED', 0, '[]', now())",
    "audit_entries": "INSERT INTO audit_entries (tenant_id, id, at, account_id, impersonator_id, action, subject, details) "
    "SELECT $1, $2, now(), a.id, a.id, 'RoleGranted', 'x', '{}' FROM accounts a WHERE a.tenant_id = $1 LIMIT 1",
    "challenges": "INSERT INTO challenges (tenant_id, id, account_id, kind, email, salt, created_at, expires_at) "
    "SELECT $1, $2, a.id, 'PASSWORD_RESET', 'x', '', now(), now() + interval '1 hour' FROM accounts a WHERE a.tenant_id = $1 LIMIT 1",
    "external_identities": "INSERT INTO external_identities (tenant_id, id, account_id, issuer, subject, created_at) "
    "SELECT $1, $2, a.id, 'x', $2::uuid::text, now() FROM accounts a WHERE a.tenant_id = $1 LIMIT 1",
    "login_attempts": "INSERT INTO login_attempts (tenant_id, id, kind, state_hash, sealed, redirect_uri, account_id, created_at, expires_at) "
    "SELECT $1, $2, 'GITHUB', sha256($2::uuid::text::bytea), '', 'x', a.id, now(), now() + interval '1 hour' FROM accounts a WHERE a.tenant_id = $1 LIMIT 1",
    "link_requests": "INSERT INTO link_requests (tenant_id, id, kind, email_key, created_at) VALUES ($1, $2, 'PASSWORD_RESET', 'x', now())",
    "totp_devices": "INSERT INTO totp_devices (tenant_id, id, account_id, sealed_secret, created_at) SELECT $1, $2, a.id, '', now() FROM accounts a WHERE a.tenant_id = $1 LIMIT 1",
    "recovery_codes": "INSERT INTO recovery_codes (tenant_id, id, account_id, code_hash) SELECT $1, $2, a.id, '' FROM accounts a WHERE a.tenant_id = $1 LIMIT 1",
    "second_factor_tokens": "INSERT INTO second_factor_tokens (tenant_id, id, account_id, token_hash, network, tries, created_at, expires_at) "
    "SELECT $1, $2, a.id, '', '', 0, now(), now() + interval '5 minutes' FROM accounts a WHERE a.tenant_id = $1 LIMIT 1",
    "mails": "INSERT INTO mails (tenant_id, id, account_id, kind, about_id, email, locale, state, created_at) "
    "SELECT $1, $2, a.id, 'PASSWORD_CHANGED', $2, 'x', '', 'QUEUED', now() FROM accounts a WHERE a.tenant_id = $1 LIMIT 1",
    "mail_preferences": "INSERT INTO mail_preferences (tenant_id, id, account_id, kind, off_at) SELECT $1, $2, a.id, 'SIGN_IN_ALERT', now() FROM accounts a WHERE a.tenant_id = $1 LIMIT 1",
    "commerce_settings": "INSERT INTO commerce_settings (tenant_id, id, tax_mode, prices_include_tax, seller, grace_days, updated_at) VALUES ($1, $2, 'NONE', true, '{}', 7, now())",
    "provider_accounts": "INSERT INTO provider_accounts (tenant_id, id, sealed_secret_key, sealed_webhook_secrets, created_at, updated_at) VALUES ($1, $2, '', '', now(), now())",
    "tax_rates": "INSERT INTO tax_rates (tenant_id, id, country, name, rate_ppm, created_at) VALUES ($1, $2, 'DE', 'x', 0, now())",
    "bundles": "INSERT INTO bundles (tenant_id, id, slug, title, description_markdown, description_html, is_active, created_at) VALUES ($1, $2, 'x', 'x', '', '', true, now())",
    "bundle_courses": "INSERT INTO bundle_courses (tenant_id, id, bundle_id, course_id, position) "
    "SELECT $1, $2, b.id, c.id, 0 FROM bundles b JOIN courses c ON c.tenant_id = b.tenant_id WHERE b.tenant_id = $1 LIMIT 1",
    "offers": "INSERT INTO offers (tenant_id, id, kind, subject, title, trial_days, on_default, min_quantity, max_quantity, is_active, created_at, updated_at) "
    "VALUES ($1, $2, 'FREE', 'ALL_ACCESS', 'x', 0, 'KEEP', 1, 1, true, now(), now())",
    "offer_prices": "INSERT INTO offer_prices (tenant_id, id, offer_id, currency, amount) SELECT $1, $2, o.id, 'EUR', 0 FROM offers o WHERE o.tenant_id = $1 LIMIT 1",
    "coupons": "INSERT INTO coupons (tenant_id, id, code, kind, percent_off_bps, is_for_all, is_first_purchase_only, held, redemptions, is_active, created_at) "
    "VALUES ($1, $2, 'X', 'PERCENT', 1, true, false, 0, 0, true, now())",
    "coupon_courses": "INSERT INTO coupon_courses (tenant_id, id, coupon_id, course_id) "
    "SELECT $1, $2, b.id, c.id FROM coupons b JOIN courses c ON c.tenant_id = b.tenant_id WHERE b.tenant_id = $1 LIMIT 1",
    "orders": "INSERT INTO orders (tenant_id, id, number, kind, status, email, name, currency, subtotal_amount, discount_amount, credit_amount, tax_amount, total_amount, refunded_amount, "
    "refund_requested_amount, is_tax_included, tax_lines, placed_at) VALUES ($1, $2, 'X', 'PURCHASE', 'PENDING', 'x', '', 'EUR', 1, 0, 0, 0, 1, 0, 0, true, '[]', now())",
    "order_lines": "INSERT INTO order_lines (tenant_id, id, order_id, position, offer_id, offer_kind, subject, title, quantity, unit_amount, subtotal_amount, discount_amount, credit_amount, tax_amount, "
    "total_amount, refunded_amount, refunded_tax_amount, terms) SELECT $1, $2, o.id, 0, f.id, 'FREE', 'ALL_ACCESS', 'x', 1, 1, 1, 0, 0, 0, 1, 0, 0, '{}' "
    "FROM orders o JOIN offers f ON f.tenant_id = o.tenant_id WHERE o.tenant_id = $1 LIMIT 1",
    "checkouts": "INSERT INTO checkouts (tenant_id, id, order_id, status, is_embedded, expires_at, created_at) SELECT $1, $2, o.id, 'OPEN', false, now(), now() FROM orders o WHERE o.tenant_id = $1 LIMIT 1",
    "coupon_holds": "INSERT INTO coupon_holds (tenant_id, id, coupon_id, checkout_id, buyer, state, created_at) "
    "SELECT $1, $2, b.id, c.id, 'x', 'RELEASED', now() FROM coupons b JOIN checkouts c ON c.tenant_id = b.tenant_id WHERE b.tenant_id = $1 LIMIT 1",
    "payments": "INSERT INTO payments (tenant_id, id, order_id, status, currency, amount, created_at) SELECT $1, $2, o.id, 'PENDING', 'EUR', 1, now() FROM orders o WHERE o.tenant_id = $1 LIMIT 1",
    "refunds": "INSERT INTO refunds (tenant_id, id, order_id, payment_id, status, currency, amount, reason, access_change, allocation, created_at) "
    "SELECT $1, $2, p.order_id, p.id, 'FAILED', 'EUR', 1, 'x', 'KEEP', '[]', now() FROM payments p WHERE p.tenant_id = $1 LIMIT 1",
    "disputes": "INSERT INTO disputes (tenant_id, id, order_id, payment_id, status, currency, amount, fee_amount, reason, provider_dispute_id, evidence, opened_at) "
    "SELECT $1, $2, p.order_id, p.id, 'WON', 'EUR', 1, 0, 'x', $2::uuid::text, '{}', now() FROM payments p WHERE p.tenant_id = $1 LIMIT 1",
    "subscriptions": "INSERT INTO subscriptions (tenant_id, id, account_id, offer_id, first_order_id, status, currency, amount, cancel_at_period_end, installments_paid, terms, created_at, updated_at) "
    "SELECT $1, $2, a.id, f.id, o.id, 'CANCELED', 'EUR', 1, false, 0, '{}', now(), now() "
    "FROM accounts a JOIN orders o ON o.tenant_id = a.tenant_id JOIN offers f ON f.tenant_id = a.tenant_id WHERE a.tenant_id = $1 LIMIT 1",
    "subscription_requests": "INSERT INTO subscription_requests (tenant_id, id, subscription_id, kind, state, at_period_end, terms, created_at) "
    "SELECT $1, $2, s.id, 'CANCEL', 'PENDING', true, '{}', now() FROM subscriptions s WHERE s.tenant_id = $1 LIMIT 1",
    "access_pools": "INSERT INTO access_pools (tenant_id, id, period_start, period_end, closes_at, watched, created_at) "
    "VALUES ($1, $2, now(), now() + interval '1 day', now() + interval '1 day', '{}', now())",
    "payment_customers": "INSERT INTO payment_customers (tenant_id, id, account_id, provider_customer_id, is_own_provider, created_at) "
    "SELECT $1, $2, a.id, 'x', false, now() FROM accounts a WHERE a.tenant_id = $1 LIMIT 1",
    "provider_objects": "INSERT INTO provider_objects (tenant_id, id, provider_id, kind, own_id, created_at) VALUES ($1, $2, $2::uuid::text, 'ORDER', $2, now())",
    "provider_events": "INSERT INTO provider_events (tenant_id, id, provider_event_id, type, payload, happened_at, received_at) VALUES ($1, $2, $2::uuid::text, 'x', '{}', now(), now())",
    "invoice_counters": "INSERT INTO invoice_counters (tenant_id, id, kind, last_serial) VALUES ($1, $2, 'INVOICE', 1)",
    "invoices": "INSERT INTO invoices (tenant_id, id, kind, serial, number, order_id, currency, total_amount, tax_amount, snapshot, issued_at) "
    "SELECT $1, $2, 'INVOICE', 1, 'X', o.id, 'EUR', 1, 0, '{}', now() FROM orders o WHERE o.tenant_id = $1 LIMIT 1",
    "payees": "INSERT INTO payees (tenant_id, id, kind, charges_enabled, payouts_enabled, details_submitted, schedule_kind, created_at) "
    "VALUES ($1, $2, 'TENANT', false, false, false, 'MONTHLY', now())",
    "payouts": "INSERT INTO payouts (tenant_id, id, payee_id, currency, amount, status, attempts, reversed_amount, created_at) "
    "SELECT $1, $2, p.id, 'EUR', 1, 'FAILED', 0, 0, now() FROM payees p WHERE p.tenant_id = $1 LIMIT 1",
    "statements": "INSERT INTO statements (tenant_id, id, payee_id, month, created_at) SELECT $1, $2, p.id, '2020-01-01', now() FROM payees p WHERE p.tenant_id = $1 LIMIT 1",
    "premium_periods": "INSERT INTO premium_periods (tenant_id, id, account_id, source_id, ends_at, created_at) SELECT $1, $2, a.id, $2, now(), now() FROM accounts a WHERE a.tenant_id = $1 LIMIT 1",
    "commissions": "INSERT INTO commissions (tenant_id, id, fee_tax_ppm, updated_at) VALUES ($1, $2, 0, now())",
    "commission_tiers": "INSERT INTO commission_tiers (tenant_id, id, currency, from_amount, rate_bps) VALUES ($1, $2, 'EUR', 1, 0)",
    "line_shares": "INSERT INTO line_shares (tenant_id, id, line_id, order_id, position, party, currency, amount, reversed_amount, available_at) VALUES ($1, $2, $2, $2, 0, 'TAX', 'EUR', 1, 0, now())",
    "ledger_transactions": "INSERT INTO ledger_transactions (tenant_id, id, kind, source_id, at) VALUES ($1, $2, 'SALE', $2, now())",
    "ledger_entries": "WITH t AS (SELECT * FROM ledger_transactions WHERE tenant_id = $1 LIMIT 1) "
    "INSERT INTO ledger_entries (tenant_id, id, transaction_id, account, currency, amount, kind, at) "
    "SELECT $1, e.id, t.id, e.account, 'EUR', e.amount, 'SALE', now() FROM t, (VALUES ($2::uuid, 'PROVIDER', 1), (gen_random_uuid(), 'TAX', -1)) AS e(id, account, amount)",
    "deliveries": "INSERT INTO deliveries (tenant_id, id, fact_id, reaction, state, attempts, due_at) "
    "SELECT $1, $2, f.id, 'none.at_all', 'DONE', 0, now() FROM facts f WHERE f.tenant_id = $1 LIMIT 1",
}


@pytest.fixture(scope="module")
async def schools(house: House, anyio_backend: str) -> AsyncIterator[tuple[FullSchool, FullSchool]]:
    a, b = await full_school(house), await full_school(house)
    yield a, b
    for full in (a, b):
        await full.student.http.aclose()


@pytest.fixture
async def filled(schools: tuple[FullSchool, FullSchool], superuser: asyncpg.Connection) -> tuple[UUID, UUID]:
    """Two tenants, each with a row in every table."""
    ids = (schools[0].school.id, schools[1].school.id)
    for table, sql in BY_HAND.items():
        for id in ids:
            if not await superuser.fetchval(f"SELECT count(*) FROM {table} WHERE tenant_id = $1", id):
                await superuser.execute(sql, id, uuid4())
    return ids


@pytest.fixture
async def app(environment: dict[str, str]) -> AsyncIterator[asyncpg.Connection]:
    """A raw connection as the application's role, in a transaction that is rolled back."""
    connection = await asyncpg.connect(environment["DATABASE_URL"])
    transaction = connection.transaction()
    await transaction.start()
    yield connection
    await transaction.rollback()
    await connection.close()


async def become(app: asyncpg.Connection, tenant_id: UUID) -> None:
    await app.execute("SELECT set_config('app.tenant', $1, true)", str(tenant_id))


async def attempt(app: asyncpg.Connection, sql: str, *parameters: object) -> Exception | str:
    """What a statement says, or the error that it meets; the transaction goes on."""
    try:
        async with app.transaction():
            return str(await app.execute(sql, *parameters))
    except asyncpg.PostgresError as error:
        return error


async def a_row(superuser: asyncpg.Connection, table: str, tenant_id: UUID) -> tuple[str, str]:
    """The columns that can be written, and a row of a tenant as JSON under a new id."""
    names = ", ".join(name for name, column in (await columns(superuser))[table].items() if not column["generated"])
    row = await superuser.fetchval(f"SELECT (to_jsonb(t) || jsonb_build_object('id', $2::uuid))::text FROM {table} t WHERE tenant_id = $1 LIMIT 1", tenant_id, uuid4())
    return names, row


async def test_both_schools_have_a_row_of_everything(filled: tuple[UUID, UUID], superuser: asyncpg.Connection) -> None:
    empty = {table for table in await parents(superuser) for id in filled if not await superuser.fetchval(f"SELECT count(*) FROM {table} WHERE tenant_id = $1", id)}

    assert empty == set(), "make one in `tests/factories/schools.py`: else nothing is shown of this table"


async def test_without_a_tenant_nothing_is_seen_and_nothing_written(filled: tuple[UUID, UUID], app: asyncpg.Connection, superuser: asyncpg.Connection) -> None:
    for table in await parents(superuser):
        assert await app.fetchval(f"SELECT count(*) FROM {table}") == 0, table
        names, row = await a_row(superuser, table, filled[0])
        said = await attempt(app, f"INSERT INTO {table} ({names}) SELECT {names} FROM jsonb_populate_record(NULL::{table}, $1::jsonb)", row)
        assert isinstance(said, asyncpg.InsufficientPrivilegeError), (table, said)


async def test_partitions_are_no_way_around(filled: tuple[UUID, UUID], app: asyncpg.Connection, superuser: asyncpg.Connection) -> None:
    await become(app, filled[0])
    partitions = [row["relname"] for row in await superuser.fetch("SELECT relname FROM pg_class WHERE relispartition AND relkind = 'r'")]

    assert partitions
    for table in partitions:
        said = await attempt(app, f"SELECT * FROM {table}")
        assert isinstance(said, asyncpg.InsufficientPrivilegeError), (table, said)


async def test_a_tenant_sees_its_own_rows_alone(filled: tuple[UUID, UUID], app: asyncpg.Connection, superuser: asyncpg.Connection) -> None:
    mine, _ = filled
    await become(app, mine)

    for table in await parents(superuser):
        seen = await app.fetch(f"SELECT tenant_id, count(*) AS number FROM {table} GROUP BY tenant_id")
        there = await superuser.fetchval(f"SELECT count(*) FROM {table} WHERE tenant_id = $1", mine)
        assert [(row["tenant_id"], row["number"]) for row in seen] == [(mine, there)], table


async def test_a_tenant_writes_no_row_of_another(filled: tuple[UUID, UUID], app: asyncpg.Connection, superuser: asyncpg.Connection) -> None:
    mine, others = filled
    await become(app, mine)

    for table in await parents(superuser):
        names, row = await a_row(superuser, table, others)
        inserted = await attempt(app, f"INSERT INTO {table} ({names}) SELECT {names} FROM jsonb_populate_record(NULL::{table}, $1::jsonb)", row)
        given_away = await attempt(app, f"UPDATE {table} SET tenant_id = $1", others)
        updated = await attempt(app, f"UPDATE {table} SET tenant_id = tenant_id WHERE tenant_id = $1", others)
        deleted = await attempt(app, f"DELETE FROM {table} WHERE tenant_id = $1", others)
        assert isinstance(inserted, asyncpg.InsufficientPrivilegeError), (table, inserted)
        assert isinstance(given_away, asyncpg.InsufficientPrivilegeError | asyncpg.IntegrityConstraintViolationError), (table, given_away)
        assert updated == "UPDATE 0" or isinstance(updated, asyncpg.InsufficientPrivilegeError), (table, updated)
        assert deleted == "DELETE 0" or isinstance(deleted, asyncpg.InsufficientPrivilegeError), (table, deleted)


async def test_no_row_refers_to_another_tenants(filled: tuple[UUID, UUID], superuser: asyncpg.Connection) -> None:
    """Tried past all policies and triggers: the references themselves refuse."""
    mine, others = filled
    tried = set()
    async with superuser.transaction():
        await superuser.execute("SET CONSTRAINTS ALL IMMEDIATE")
        for table in await parents(superuser):
            await superuser.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        for reference in await constraints(superuser, "f"):
            table, column, target = reference["table"], reference["columns"][-1], reference["target"]
            if column == "tenant_id":
                continue
            foreign = await superuser.fetchval(f"SELECT id FROM {target} WHERE tenant_id = $1 LIMIT 1", others)
            key = await superuser.fetchval(f"SELECT id FROM {table} WHERE tenant_id = $1 LIMIT 1", mine)
            said = await attempt(superuser, f"UPDATE {table} SET {column} = $1 WHERE tenant_id = $2 AND id = $3", foreign, mine, key)
            assert isinstance(said, asyncpg.ForeignKeyViolationError | asyncpg.CheckViolationError), (table, column, said)
            tried.add(table)
        for table in await parents(superuser):
            await superuser.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")
    assert len(tried) > 20


FROZEN = {
    "course_versions": ("UPDATE course_versions SET title = 'x'", "DELETE FROM course_versions"),
    "version_sections": ("UPDATE version_sections SET title = 'x'", "DELETE FROM version_sections"),
    "version_lectures": ("UPDATE version_lectures SET is_preview = true", "DELETE FROM version_lectures"),
    "version_resources": ("UPDATE version_resources SET title = 'x'", "DELETE FROM version_resources"),
    "lecture_contents": ("UPDATE lecture_contents SET markdown = 'x' WHERE markdown IS NOT NULL", "DELETE FROM lecture_contents"),
    "quiz_revisions": ("UPDATE quiz_revisions SET passing_score = 0", "DELETE FROM quiz_revisions"),
    "question_revisions": ("UPDATE question_revisions SET points = 1000", "DELETE FROM question_revisions"),
    "enrollments": (
        "UPDATE enrollments SET status = 'ACTIVE' WHERE completed_at IS NOT NULL",
        "UPDATE enrollments SET completed_at = NULL, status = 'ACTIVE' WHERE completed_at IS NOT NULL",
        "UPDATE enrollments SET completed_at = now() + interval '1 day' WHERE completed_at IS NOT NULL",
        "DELETE FROM enrollments WHERE completed_at IS NOT NULL",
    ),
    "audit_entries": ("UPDATE audit_entries SET action = 'x'", "DELETE FROM audit_entries"),
    "facts": ("UPDATE facts SET payload = '{}'", "DELETE FROM facts"),
    "progress_events": ("UPDATE progress_events SET from_ms = 0", "DELETE FROM progress_events"),
}


@pytest.mark.parametrize("statement", [statement for statements in FROZEN.values() for statement in statements])
async def test_what_is_frozen_stays_so(statement: str, filled: tuple[UUID, UUID], app: asyncpg.Connection) -> None:
    await become(app, filled[0])

    said = await attempt(app, statement)

    assert isinstance(said, asyncpg.IntegrityConstraintViolationError | asyncpg.InsufficientPrivilegeError), said


@pytest.mark.parametrize("table", ["version_sections", "version_lectures", "version_resources"])
async def test_nothing_is_added_to_a_published_version(table: str, filled: tuple[UUID, UUID], app: asyncpg.Connection, superuser: asyncpg.Connection) -> None:
    await become(app, filled[0])
    names, row = await a_row(superuser, table, filled[0])

    said = await attempt(app, f"INSERT INTO {table} ({names}) SELECT {names} FROM jsonb_populate_record(NULL::{table}, $1::jsonb)", row)

    assert isinstance(said, asyncpg.IntegrityConstraintViolationError), said
    assert "published version is never changed" in str(said)


async def test_a_search_stays_in_its_tenant(filled: tuple[UUID, UUID], app: asyncpg.Connection) -> None:
    """`search_courses` runs past the policies: its own first predicate is the tenant."""
    without = await app.fetch("SELECT * FROM search_courses('course')")
    await become(app, filled[0])
    found = await app.fetch("SELECT c.tenant_id FROM search_courses('course') s LEFT JOIN courses c ON c.id = s.course_id")

    assert without == []
    assert {row["tenant_id"] for row in found} == {filled[0]}


async def test_a_search_of_members_stays_in_its_tenant(filled: tuple[UUID, UUID], app: asyncpg.Connection) -> None:
    """`search_members` too, by name and by address."""
    mine, others = filled
    without = await app.fetch("SELECT * FROM search_members('student', 'a')")
    await become(app, others)
    theirs = await app.fetchval("SELECT email_key FROM accounts WHERE name LIKE 'Student %'")
    await become(app, mine)
    found = await app.fetch("SELECT a.tenant_id FROM search_members('student', 'a') f LEFT JOIN accounts a ON a.id = f.account_id")

    assert without == []
    assert {row["tenant_id"] for row in found} == {mine}
    assert await app.fetch("SELECT * FROM search_members('nobody at all', $1)", theirs) == []


async def test_the_system_reads_no_more_than_it_must(environment: dict[str, str]) -> None:
    """Neither names and addresses, nor hashes, nor keys, nor what is taught."""
    system = await asyncpg.connect(environment["DATABASE_SYSTEM_URL"])
    try:
        for columns_of in (
            "email FROM accounts",
            "name FROM accounts",
            "password_hash FROM accounts",
            "name FROM api_keys",
            "email FROM challenges",
            "salt FROM challenges",
            "email_key FROM link_requests",
            "sealed_secret FROM totp_devices",
            "code_hash FROM recovery_codes",
            "token_hash FROM second_factor_tokens",
            "sealed_private_key FROM signing_keys",
            "sealed_client_secret FROM social_providers",
            "sealed FROM login_attempts",
            "snapshot FROM certificates",
            "title FROM courses",
        ):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await system.fetch(f"SELECT {columns_of}")
    finally:
        await system.close()
