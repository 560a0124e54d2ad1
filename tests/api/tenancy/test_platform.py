"""What those who run the platform do: tenants made, listed, closed and opened again, and their terms set."""

import asyncio
from typing import Any
from uuid import UUID, uuid4

import pytest
from websockets import ConnectionClosed

from lms_graph.domain.identity.operations import schools
from lms_graph.domain.tenancy.operations import tenants as operations
from lms_graph.kit.caller import Caller
from lms_graph.kit.errors import NotFound
from lms_graph.kit.ids import parse_id, public_id
from lms_graph.models import database
from lms_graph.models.identity import Role
from lms_graph.outbox.unit_of_work import UnitOfWork, on_behalf_of, unit_of_work
from tests.factories.accounts import account, signed_in, verify_address
from tests.fixtures.callers import School, SignIn
from tests.fixtures.client import Client
from tests.fixtures.house import House
from tests.fixtures.sockets import greeted, hear, say

pytestmark = pytest.mark.anyio


@pytest.fixture
async def staff(sign_in: SignIn, platform: School) -> Client:
    return await sign_in(at=platform, roles=("PLATFORM_ADMIN",), name="Pat Platform")


@pytest.fixture
async def outsiders(sign_in: SignIn, school: School, platform: School) -> list[Client]:
    """Everybody who must not: also an administrator whose school gave them the platform's role, and the platform's own lesser people."""
    return [
        await sign_in(roles=("TENANT_ADMIN",)),
        await sign_in(roles=("PLATFORM_ADMIN",)),
        await sign_in(roles=("STUDENT", "INSTRUCTOR", "SUPPORT")),
        await sign_in(at=platform, roles=("TENANT_ADMIN",)),
        await sign_in(at=platform),
    ]


def new_slug() -> str:
    return f"n-{uuid4().hex[:12]}"


def wanted(slug: str | None = None, **more: Any) -> dict[str, Any]:
    return {"slug": slug or new_slug(), "name": "A New School", "idempotencyKey": uuid4().hex} | more


async def entries(school: School, subject: str) -> list[tuple[str, bool]]:
    """The audit log about a subject: what was done, and whether it says by whom."""
    async with database.reading(school.system):
        rows = await database.fetch("SELECT action, account_id FROM audit_entries WHERE tenant_id = $1 AND subject = $2 ORDER BY at, id", school.id, subject)
    return [(row["action"], row["account_id"] is not None) for row in rows]


def uuid_of(id: str) -> UUID:
    parsed = parse_id(id)
    assert parsed
    return parsed[1]


async def is_there(slug: str) -> bool:
    return bool((await database.fetch_as_system("SELECT count(*) FROM tenants WHERE slug = $1", slug))[0][0])


class TestTenantCreate:
    async def test_makes_a_school_that_answers_at_once(self, house: House, staff: Client, platform: School, clients: list[Client]) -> None:
        slug = new_slug()

        created = await staff.data("CreateTenant", input=wanted(slug, locale="pt-br", currency="brl", platformFeePercent="12.5"))

        assert created["errors"] == []
        id = created["tenant"]["id"]
        assert created["tenant"] == {"id": id, "slug": slug, "name": "A New School"}
        visitor = Client(house, slug)
        clients.append(visitor)
        shown = (await visitor.data("Storefront"))["storefront"]
        assert (shown["name"], shown["locale"], shown["currency"]) == ("A New School", "pt-BR", "BRL")
        (listed,) = (await staff.data("Tenants", search=slug))["nodes"]
        assert (listed["id"], listed["platformFeePercent"], listed["suspendedAt"]) == (id, "12.50", None)
        assert await entries(School(uuid_of(id), slug), id) == [("TenantCreated", False)]
        assert await entries(platform, id) == [("TenantCreated", True)]

    async def test_invites_the_first_administrator(self, staff: Client) -> None:
        slug = new_slug()

        created = await staff.data("CreateTenant", input=wanted(slug, adminEmail=" Head@School.example ", adminName="Hedda Head"))

        made = School(uuid_of(created["tenant"]["id"]), slug)
        async with database.reading(made.system):
            admin = await database.fetch_one(
                "SELECT a.id, a.email, a.name, a.password_hash, ARRAY(SELECT role FROM account_roles r WHERE r.tenant_id = a.tenant_id AND r.account_id = a.id) AS roles "
                "FROM accounts a WHERE a.tenant_id = $1",
                made.id,
            )
            link = await database.fetch_one("SELECT id, account_id, kind, email, expires_at - created_at AS life FROM challenges WHERE tenant_id = $1", made.id)
            fact = await database.fetch_value("SELECT payload FROM facts WHERE tenant_id = $1 AND name = 'MemberInvited'", made.id)
        assert admin and link
        assert (admin["email"], admin["name"], admin["password_hash"], admin["roles"]) == ("Head@School.example", "Hedda Head", None, ["TENANT_ADMIN"])
        assert (link["account_id"], link["kind"], link["email"], link["life"].days) == (admin["id"], "INVITATION", "Head@School.example", 7)
        assert database.from_json(fact) == {"challenge_id": str(link["id"]), "account_id": str(admin["id"]), "inviter_id": None}

    async def test_with_the_same_key_makes_one(self, staff: Client) -> None:
        asked = wanted(adminEmail="head@school.example")

        answers = [await staff.data("CreateTenant", input=asked), *await asyncio.gather(*(staff.data("CreateTenant", input=asked) for _ in range(4)))]

        assert len({answer["tenant"]["id"] for answer in answers}) == 1
        assert await staff.codes("CreateTenant", input=asked | {"name": "Another"}) == ["IDEMPOTENCY_CONFLICT"]

    async def test_of_many_at_once_with_one_slug_one_is_made(self, staff: Client) -> None:
        slug = new_slug()

        answers = await asyncio.gather(*(staff.send("CreateTenant", input=wanted(slug)) for _ in range(5)))

        errors = [answer["data"]["tenantCreate"]["errors"] for answer in answers]
        assert sorted(len(each) for each in errors) == [0, 1, 1, 1, 1]
        assert {(error["code"], *error["path"]) for each in errors for error in each} == {("CONFLICT", "slug")}

    @pytest.mark.parametrize("slug", ["www", "api", "admin", "platform", "x", "", "-a", "a-", "a--b", "A", "a_b", "a.b", "é", "a" * 64, "a\nb"])
    async def test_takes_no_slug_that_is_none_or_the_platforms_own(self, staff: Client, slug: str) -> None:
        refused = await staff.data("CreateTenant", input=wanted() | {"slug": slug})

        assert [(error["code"], error["path"]) for error in refused["errors"]] == [("INVALID", ["slug"])]

    async def test_tells_everything_that_is_wrong_at_once_and_makes_nothing(self, staff: Client) -> None:
        slug = new_slug()
        wrong = {"name": "", "locale": "klingon", "currency": "XXX", "platformFeePercent": "100.01", "adminEmail": "head", "adminName": ""}

        refused = await staff.data("CreateTenant", input=wanted(slug, **wrong))

        assert [error["path"] for error in refused["errors"]] == [["name"], ["locale"], ["currency"], ["adminEmail"], ["adminName"], ["platformFeePercent"]]
        assert not await is_there(slug)

    async def test_is_the_platforms_alone(self, outsiders: list[Client], visitor: Client) -> None:
        slug = new_slug()

        assert [await client.codes("CreateTenant", input=wanted(slug)) for client in outsiders] == [["FORBIDDEN"]] * len(outsiders)
        assert await visitor.codes("CreateTenant", input=wanted(slug)) == ["UNAUTHENTICATED"]
        assert not await is_there(slug)


class TestTenants:
    async def test_lists_all_by_slug_in_pages(self, staff: Client) -> None:
        mark = uuid4().hex[:10]
        for letter in "cab":
            await operations.create_tenant(slug=f"{letter}-{mark}", name=f"School {letter.upper()} {mark}")

        first = await staff.data("Tenants", first=2, search=mark.upper())
        rest = await staff.data("Tenants", first=2, search=mark.upper(), after=first["pageInfo"]["endCursor"])

        assert ([node["slug"] for node in first["nodes"]], first["totalCount"]) == ([f"a-{mark}", f"b-{mark}"], 3)
        assert ([node["slug"] for node in rest["nodes"]], rest["pageInfo"]["hasNextPage"]) == ([f"c-{mark}"], False)
        assert [node["slug"] for node in (await staff.data("Tenants", search=f"school b {mark}"))["nodes"]] == [f"b-{mark}"]
        assert (await staff.data("Tenants", search="%"))["nodes"] == []

    async def test_are_the_platforms_alone_to_list_and_to_read(self, outsiders: list[Client], visitor: Client, other_school: School) -> None:
        node = "query ($id: ID!) { node(id: $id) { ... on Tenant { slug } } }"

        assert [await client.codes("Tenants") for client in outsiders] == [["FORBIDDEN"]] * len(outsiders)
        assert await visitor.codes("Tenants") == ["UNAUTHENTICATED"]
        assert [await client.data(node, id=public_id("tnt", other_school.id)) for client in (*outsiders, visitor)] == [None] * (len(outsiders) + 1)


class TestTenantTermsSet:
    async def test_sets_the_fee_and_tells_it_in_both_logs(self, staff: Client, sign_in: SignIn, school: School, platform: School) -> None:
        id = public_id("tnt", school.id)
        admin = await sign_in(roles=("TENANT_ADMIN",))

        set_ = await staff.data("SetTerms", input={"tenantId": id, "platformFeePercent": "7.25"})
        await staff.data("SetTerms", input={"tenantId": id, "platformFeePercent": "7.250"})

        assert set_ == {"tenant": {"id": id, "platformFeePercent": "7.25"}, "errors": []}
        assert (await admin.data("MyTenant"))["platformFeePercent"] == "7.25"
        assert [entry for entry in await entries(school, id) if entry[0] == "TenantTermsSet"] == [("TenantTermsSet", False)]
        assert [entry for entry in await entries(platform, id) if entry[0] == "TenantTermsSet"] == [("TenantTermsSet", True)]

    @pytest.mark.parametrize("fee", ["-0.01", "100.01", "1.005", "NaN", "Infinity", "-Infinity", "1e9", "1E-9"])
    async def test_takes_no_fee_that_is_none(self, staff: Client, school: School, fee: str) -> None:
        refused = await staff.data("SetTerms", input={"tenantId": public_id("tnt", school.id), "platformFeePercent": fee})

        assert [(error["code"], error["path"]) for error in refused["errors"]] == [("INVALID", ["platformFeePercent"])]

    @pytest.mark.parametrize(("fee", "kept"), [("0", "0.00"), ("100", "100.00"), ("1e1", "10.00"), ("0.01", "0.01")])
    async def test_takes_any_in_bounds(self, staff: Client, school: School, fee: str, kept: str) -> None:
        set_ = await staff.data("SetTerms", input={"tenantId": public_id("tnt", school.id), "platformFeePercent": fee})

        assert set_["tenant"]["platformFeePercent"] == kept

    async def test_is_not_the_schools_own_to_set(self, outsiders: list[Client], school: School) -> None:
        id = public_id("tnt", school.id)

        assert [await client.codes("SetTerms", input={"tenantId": id, "platformFeePercent": "0"}) for client in outsiders] == [["FORBIDDEN"]] * len(outsiders)
        assert await outsiders[0].codes("BrandTenant", input={"platformFeePercent": "0"}) == ["BAD_USER_INPUT"]
        assert (await outsiders[0].data("MyTenant"))["platformFeePercent"] == "0.00"

    async def test_of_a_school_that_is_not_there_is_not_found(self, staff: Client, platform: School) -> None:
        id = public_id("tnt", uuid4())

        for name, more in (("SetTerms", {"platformFeePercent": "1"}), ("SuspendTenant", {}), ("RestoreTenant", {}), ("GiveDomain", {"host": "x.school.example"})):
            assert await staff.codes(name, input={"tenantId": id} | more) == ["NOT_FOUND"]
        assert await entries(platform, id) == []


class TestTenantSuspend:
    async def test_closes_the_school_to_everybody_and_no_other(
        self, staff: Client, student: Client, visitor: Client, sign_in: SignIn, other_school: School, school: School, platform: School
    ) -> None:
        id, stranger = public_id("tnt", school.id), await sign_in(at=other_school)

        suspended = await staff.data("SuspendTenant", input={"tenantId": id})
        await staff.data("SuspendTenant", input={"tenantId": id})

        assert suspended["tenant"]["suspendedAt"] is not None
        for client in (student, visitor):
            body = await client.send("Storefront")
            assert [error["extensions"]["code"] for error in body["errors"]] == ["NOT_FOUND"]
            assert "suspended" in body["errors"][0]["message"]
        assert (await stranger.data("Storefront"))["storefront"]["slug"] == other_school.slug
        assert [entry for entry in await entries(platform, id) if entry[0] == "TenantSuspended"] == [("TenantSuspended", True)]

    async def test_is_taken_back(self, staff: Client, student: Client, school: School, platform: School) -> None:
        id = public_id("tnt", school.id)
        await staff.data("SuspendTenant", input={"tenantId": id})

        restored = await staff.data("RestoreTenant", input={"tenantId": id})
        await staff.data("RestoreTenant", input={"tenantId": id})

        assert restored["tenant"]["suspendedAt"] is None
        assert (await student.data("Storefront"))["storefront"]["slug"] == school.slug
        assert [name for name, _ in await entries(school, id)] == ["TenantCreated", "TenantSuspended", "TenantRestored"]

    async def test_ends_sockets_that_are_open_a_visitors_too(self, house: House, staff: Client, school: School, other_school: School, student: Client) -> None:
        async with (
            greeted(house.url, school.slug, student.token) as mine,
            greeted(house.url, school.slug) as visitors,
            greeted(house.url, other_school.slug) as others,
        ):
            await staff.data("SuspendTenant", input={"tenantId": public_id("tnt", school.id)})

            for socket in (mine, visitors):
                with pytest.raises(ConnectionClosed):
                    await hear(socket)
            await say(others, type="ping")
            assert await hear(others) == {"type": "pong"}

    async def test_lets_no_socket_in(self, house: House, staff: Client, school: School) -> None:
        await staff.data("SuspendTenant", input={"tenantId": public_id("tnt", school.id)})

        with pytest.raises(ConnectionClosed):
            async with greeted(house.url, school.slug):
                pass

    async def test_lets_jobs_go_on(self, staff: Client, school: School, settle: Any) -> None:
        await account(school.system)
        await staff.data("SuspendTenant", input={"tenantId": public_id("tnt", school.id)})

        await settle()

        async with database.reading(school.system):
            assert await database.fetch_value("SELECT count(*) FROM facts WHERE tenant_id = $1 AND position IS NULL", school.id) == 0

    async def test_is_not_for_the_platform_itself(self, staff: Client, platform: School) -> None:
        assert await staff.codes("SuspendTenant", input={"tenantId": public_id("tnt", platform.id)}) == ["CONFLICT"]
        assert (await staff.data("Storefront"))["storefront"]["slug"] == platform.slug

    async def test_is_the_platforms_alone(self, outsiders: list[Client], visitor: Client, other_school: School) -> None:
        id = public_id("tnt", other_school.id)

        for name in ("SuspendTenant", "RestoreTenant"):
            assert [await client.codes(name, input={"tenantId": id}) for client in outsiders] == [["FORBIDDEN"]] * len(outsiders)
            assert await visitor.codes(name, input={"tenantId": id}) == ["UNAUTHENTICATED"]
        assert (await database.fetch_as_system("SELECT suspended_at FROM tenants WHERE id = $1", other_school.id))[0][0] is None


class TestPlatformAdmin:
    async def test_of_an_ordinary_school_may_nothing(self, sign_in: SignIn, platform: School) -> None:
        pretender = await sign_in(roles=("PLATFORM_ADMIN",))

        assert await pretender.data("{ viewer { roles permissions } }") == {"roles": ["PLATFORM_ADMIN"], "permissions": []}
        assert await pretender.data("MyTenant") is None
        assert "TENANTS_MANAGE" in (await (await sign_in(at=platform, roles=("PLATFORM_ADMIN",))).data("{ viewer { permissions } }"))["permissions"]

    async def test_is_made_once_by_who_runs_the_deployment(self, house: House, platform: School, clients: list[Client]) -> None:
        email = f"{uuid4().hex[:12]}@platform.example"

        made = {await schools.make_platform_admin(email=email, name="Pat", password="a quiet blue harbour") for _ in range(2)}

        (id,) = made
        assert await entries(platform, public_id("mbr", id)) == [("PlatformAdminMade", False)]
        door = Client(house, platform.slug)
        clients.append(door)
        session = (await door.data("SignIn", input={"email": email, "password": "a quiet blue harbour"}))["session"]
        staff = Client(house, platform.slug, session["accessToken"])
        clients.append(staff)
        assert await staff.codes("CreateTenant", input=wanted()) == []

    async def test_an_account_that_is_there_is_let_in_and_keeps_its_password(self, platform: School) -> None:
        email = f"{uuid4().hex[:12]}@platform.example"
        id = await account(platform.system, email=email, password="a quiet blue harbour")
        await verify_address(platform.system, id)

        assert await schools.make_platform_admin(email=email.upper(), name="Other", password="another long one") == id

        session = await signed_in(platform.system, id)
        assert session.account_id == id
        async with database.reading(platform.system):
            roles = await database.fetch("SELECT role FROM account_roles WHERE tenant_id = $1 AND account_id = $2", platform.id, id)
        assert {row["role"] for row in roles} == {Role.STUDENT, Role.PLATFORM_ADMIN}

    async def test_there_is_one_platform(self, platform: School) -> None:
        assert {await schools.platform_id() for _ in range(3)} == {platform.id}
        with pytest.raises(operations.errors.PlatformStands):
            await operations.create_tenant(slug=new_slug(), name="Second", kind=operations.rows.TenantKind.PLATFORM)


class TestOnBehalfOf:
    async def fail_inside(self, work: UnitOfWork, school: School) -> None:
        async with on_behalf_of(work, school.id) as theirs:
            theirs.record(operations.events.TenantSuspended(tenant_id=school.id))
            assert await database.fetch_value("SELECT count(*) FROM tenants WHERE tenant_id = $1", school.id) == 1
            raise NotFound("")

    async def fail_afterwards(self, platform: School, school: School) -> None:
        async with unit_of_work(platform.system) as work:
            async with on_behalf_of(work, school.id) as theirs:
                theirs.record(operations.events.TenantSuspended(tenant_id=school.id))
            raise NotFound("")

    async def test_what_fails_inside_leaves_nothing_and_the_outer_tenant_in_place(self, platform: School, school: School) -> None:
        subject = public_id("tnt", school.id)
        before = await entries(school, subject)

        async with unit_of_work(platform.system) as work:
            with pytest.raises(NotFound):
                await self.fail_inside(work, school)
            seen = await database.fetch_value("SELECT current_setting('app.tenant')")

        assert seen == str(platform.id)
        assert await entries(school, subject) == before

    async def test_what_fails_afterwards_undoes_both(self, platform: School, school: School) -> None:
        subject = public_id("tnt", school.id)
        before = await entries(school, subject)

        with pytest.raises(NotFound):
            await self.fail_afterwards(platform, school)

        assert await entries(school, subject) == before

    async def test_sees_the_other_tenant_alone(self, platform: School, school: School) -> None:
        async with unit_of_work(platform.system) as work, on_behalf_of(work, school.id):
            ids = [row["id"] for row in await database.fetch("SELECT id FROM tenants")]

        assert ids == [school.id]
        assert Caller.system(school.id).account_id is None
