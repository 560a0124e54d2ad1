"""Custom domains: claimed by anybody, had by whoever proves them first, lost when the proof is gone."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx2 as httpx
import pytest

from lms_graph.domain.tenancy.operations import domains
from lms_graph.domain.tenancy.queries import tenants as tenant_queries
from lms_graph.integrations.twins.dns import DnsTwin
from lms_graph.jobs.tenancy import check_due
from lms_graph.kit.ids import parse_id
from lms_graph.models import database
from lms_graph.models.tenancy import Domain, MailDomain
from lms_graph.outbox.unit_of_work import unit_of_work
from tests.fixtures.callers import School, SignIn
from tests.fixtures.client import Client
from tests.fixtures.house import House

pytestmark = pytest.mark.anyio


@pytest.fixture
async def admin(sign_in: SignIn) -> Client:
    return await sign_in(roles=("TENANT_ADMIN",))


@pytest.fixture
async def rival(sign_in: SignIn, other_school: School) -> Client:
    """An administrator of another school."""
    return await sign_in(at=other_school, roles=("TENANT_ADMIN",))


def new_host() -> str:
    return f"learn.{uuid4().hex[:12]}.example"


async def claim(client: Client, host: str) -> dict[str, Any]:
    added = await client.data("AddDomain", input={"host": host})
    assert added["errors"] == []
    domain: dict[str, Any] = added["domain"]
    return domain


def prove(dns: DnsTwin, *claimed: dict[str, Any]) -> None:
    """Set in DNS what `dnsRecords` say, each claim's beside the others'."""
    name = claimed[0]["dnsRecords"][0]["name"]
    dns.publish(name, "TXT", *(domain["dnsRecords"][0]["value"] for domain in claimed))


async def had(client: Client, dns: DnsTwin, host: str | None = None) -> dict[str, Any]:
    """A verified domain."""
    domain = await claim(client, host or new_host())
    prove(dns, domain)
    verified = await client.data("VerifyDomain", input={"id": domain["id"]})
    assert verified["errors"] == []
    return domain


def uuid_of(domain: dict[str, Any]) -> UUID:
    parsed = parse_id(domain["id"])
    assert parsed
    return parsed[1]


async def forget_the_last_look(school: School, **changes: Any) -> None:
    """So that it can be looked up now."""
    async with unit_of_work(school.system):
        await Domain.for_caller(school.system).update(checked_at=None, **changes)
        await MailDomain.for_caller(school.system).update(checked_at=None, **changes)


async def told(school: School, *names: str) -> list[str]:
    """The facts about domains, in order, each of which must stand in the audit log too."""
    async with database.reading(school.system):
        facts = await database.fetch("SELECT name FROM facts WHERE tenant_id = $1 AND name LIKE '%Domain%' ORDER BY recorded_at, sequence", school.id)
        audited = await database.fetch("SELECT action FROM audit_entries WHERE tenant_id = $1 AND action LIKE '%Domain%' ORDER BY at, id", school.id)
    assert sorted(row["action"] for row in audited) == sorted(row["name"] for row in facts)
    return [row["name"] for row in facts]


async def asked_at(house: House, host: str) -> str | None:
    """The slug of the school that a host selects."""
    async with httpx.AsyncClient() as client:
        answer = await client.post(f"{house.url}/graphql", json={"query": "{ storefront { slug } }"}, headers={"Host": host})
    slug: str | None = answer.json()["data"]["storefront"]["slug"] if answer.status_code == 200 else None
    return slug


class TestDomainAdd:
    async def test_tells_what_to_set_and_selects_nothing_yet(self, house: House, admin: Client, school: School) -> None:
        host = new_host()

        domain = await claim(admin, f" {host.upper()}. ")

        proof, way = domain["dnsRecords"]
        assert (domain["host"], domain["status"]) == (host, "PENDING")
        assert (proof["type"], proof["name"]) == ("TXT", f"_lms-graph-challenge.{host}")
        assert len(proof["value"]) == len("lms-graph=") + 40  # 160 random bits
        assert way == {"type": "CNAME", "name": host, "value": "localhost"}
        assert await asked_at(house, host) is None
        assert await told(school) == ["DomainAdded"]

    async def test_again_is_the_same_domain(self, admin: Client, school: School) -> None:
        host = new_host()

        first, again, *many = [await claim(admin, host) for _ in range(2)] + await asyncio.gather(*(claim(admin, host) for _ in range(5)))

        assert all(domain == first for domain in (again, *many))
        assert await told(school) == ["DomainAdded"]

    async def test_gives_each_school_a_proof_of_its_own(self, admin: Client, rival: Client) -> None:
        host = new_host()

        mine, theirs = await claim(admin, host), await claim(rival, host)

        assert mine["dnsRecords"][0]["value"] != theirs["dnsRecords"][0]["value"]

    @pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "*.school.example", "school.example:443", "co.uk", "a" * 300 + ".example", ""])
    async def test_takes_no_host_that_nobody_can_own(self, admin: Client, school: School, host: str) -> None:
        refused = await admin.data("AddDomain", input={"host": host})

        assert [(error["code"], error["path"]) for error in refused["errors"]] == [("INVALID", ["host"])]
        assert await told(school) == []

    async def test_takes_twenty_also_of_many_at_once(self, admin: Client, school: School) -> None:
        async with unit_of_work(school.system):
            await Domain.bulk_create(Domain(tenant_id=school.id, host=new_host()) for _ in range(18))

        answers = await asyncio.gather(*(admin.codes("AddDomain", input={"host": new_host()}) for _ in range(6)))

        assert sorted(answers) == [[], [], ["LIMIT_REACHED"], ["LIMIT_REACHED"], ["LIMIT_REACHED"], ["LIMIT_REACHED"]]


class TestDomainVerify:
    async def test_gives_the_school_its_host_once_the_proof_is_there(self, house: House, admin: Client, school: School, dns: DnsTwin) -> None:
        domain = await claim(admin, new_host())
        prove(dns, domain)

        verified = await admin.data("VerifyDomain", input={"id": domain["id"]})

        assert (verified["errors"], verified["domain"]["status"]) == ([], "VERIFIED")
        assert datetime.now(UTC) - datetime.fromisoformat(verified["domain"]["verifiedAt"]) < timedelta(minutes=1)
        assert await asked_at(house, domain["host"]) == school.slug
        assert await asked_at(house, domain["host"].upper()) == school.slug
        assert (await admin.data("Storefront"))["storefront"]["domains"] == [{"host": domain["host"], "primary": True}]
        assert await told(school) == ["DomainAdded", "DomainVerified"]

    @pytest.mark.parametrize(
        ("arrange", "code", "problem"),
        [
            (lambda dns, name: None, "DOMAIN_UNPROVEN", "PROOF_MISSING"),
            (lambda dns, name: dns.publish(name, "TXT", "lms-graph=" + "0" * 40, "v=spf1 -all"), "DOMAIN_UNPROVEN", "PROOF_MISSING"),
            (lambda dns, name: dns.fail(name), "UNAVAILABLE", "DNS_UNREACHABLE"),
        ],
        ids=["nothing", "others", "SERVFAIL"],
    )
    async def test_without_the_proof_changes_nothing_but_says_why(
        self, house: House, admin: Client, school: School, dns: DnsTwin, arrange: Callable[[DnsTwin, str], None], code: str, problem: str
    ) -> None:
        domain = await claim(admin, new_host())
        arrange(dns, domain["dnsRecords"][0]["name"])

        assert await admin.codes("VerifyDomain", input={"id": domain["id"]}) == [code]

        (shown,) = (await admin.data("MyDomains"))["domains"]
        assert (shown["status"], shown["verifiedAt"], shown["problem"]) == ("PENDING", None, problem)
        assert shown["checkedAt"] is not None
        assert await asked_at(house, domain["host"]) is None
        assert await told(school) == ["DomainAdded"]

    async def test_looks_once_in_ten_seconds_however_many_ask(self, admin: Client, dns: DnsTwin) -> None:
        domain = await claim(admin, new_host())

        answers = await asyncio.gather(*(admin.codes("VerifyDomain", input={"id": domain["id"]}) for _ in range(5)))

        assert sorted(answers) == [["DOMAIN_UNPROVEN"]] + [["RATE_LIMITED"]] * 4
        assert len(dns.questions) == 1

    async def test_anothers_proof_proves_nothing(self, admin: Client, rival: Client, dns: DnsTwin) -> None:
        host = new_host()
        mine, theirs = await claim(admin, host), await claim(rival, host)
        prove(dns, theirs)

        assert await admin.codes("VerifyDomain", input={"id": mine["id"]}) == ["DOMAIN_UNPROVEN"]
        assert await rival.codes("VerifyDomain", input={"id": theirs["id"]}) == []

    async def test_of_two_who_prove_one_host_at_once_one_has_it(self, house: House, admin: Client, rival: Client, school: School, other_school: School, dns: DnsTwin) -> None:
        host = new_host()
        mine, theirs = await claim(admin, host), await claim(rival, host)
        prove(dns, mine, theirs)

        answers = await asyncio.gather(admin.codes("VerifyDomain", input={"id": mine["id"]}), rival.codes("VerifyDomain", input={"id": theirs["id"]}))

        assert sorted(answers) == [[], ["DOMAIN_TAKEN"]]
        winner, loser = (school, rival) if answers[0] == [] else (other_school, admin)
        assert await asked_at(house, host) == winner.slug
        (shown,) = (await loser.data("MyDomains"))["domains"]
        assert (shown["status"], shown["problem"]) == ("PENDING", "TAKEN")

    async def test_a_host_that_was_given_up_is_free(self, house: House, admin: Client, rival: Client, other_school: School, dns: DnsTwin) -> None:
        mine = await had(admin, dns)
        theirs = await claim(rival, mine["host"])
        prove(dns, mine, theirs)
        await admin.data("RemoveDomain", input={"id": mine["id"]})

        assert await rival.codes("VerifyDomain", input={"id": theirs["id"]}) == []
        assert await asked_at(house, mine["host"]) == other_school.slug

    async def test_one_that_is_removed_while_dns_is_asked_is_not_found(self, admin: Client, school: School) -> None:
        domain = await claim(admin, new_host())

        class Slow:
            async def texts(self, name: str) -> list[str]:
                await admin.data("RemoveDomain", input={"id": domain["id"]})
                return [domain["dnsRecords"][0]["value"]]

        with pytest.raises(domains.NotFound):
            await domains.verify_domain(caller=school.system, domain_id=uuid_of(domain), dns=Slow())
        assert (await admin.data("MyDomains"))["domains"] == []


class TestDomainRemove:
    async def test_leaves_nothing_of_it(self, house: House, admin: Client, school: School, dns: DnsTwin) -> None:
        domain = await had(admin, dns)
        await admin.data("BrandTenant", input={"storefrontUrl": f"https://{domain['host']}"})

        removed = await admin.data("RemoveDomain", input={"id": domain["id"]})

        assert removed == {"id": domain["id"], "errors": []}
        assert await asked_at(house, domain["host"]) is None
        assert (await admin.data("{ tenant { storefrontUrl domains { host } } }")) == {"storefrontUrl": None, "domains": []}
        assert await told(school) == ["DomainAdded", "DomainVerified", "DomainRemoved"]
        assert await admin.codes("RemoveDomain", input={"id": domain["id"]}) == ["NOT_FOUND"]

    async def test_takes_a_new_proof_afterwards(self, admin: Client, dns: DnsTwin) -> None:
        domain = await had(admin, dns)
        await admin.data("RemoveDomain", input={"id": domain["id"]})

        again = await claim(admin, domain["host"])

        assert again["status"] == "PENDING" and again["dnsRecords"][0] != domain["dnsRecords"][0]
        assert await admin.codes("VerifyDomain", input={"id": again["id"]}) == ["DOMAIN_UNPROVEN"]

    async def test_of_the_primary_makes_the_next_one_primary(self, admin: Client, dns: DnsTwin) -> None:
        first, second = await had(admin, dns), await had(admin, dns)
        await claim(admin, new_host())

        await admin.data("RemoveDomain", input={"id": first["id"]})

        assert (await admin.data("Storefront"))["storefront"]["domains"] == [{"host": second["host"], "primary": True}]


class TestDomainMakePrimary:
    async def test_makes_one_primary_and_no_other(self, admin: Client, school: School, dns: DnsTwin) -> None:
        first, second = await had(admin, dns), await had(admin, dns)

        preferred = await admin.data("PreferDomain", input={"id": second["id"]})
        await admin.data("PreferDomain", input={"id": second["id"]})

        assert preferred["domain"] == {"id": second["id"], "host": second["host"], "primary": True}
        assert (await admin.data("Storefront"))["storefront"]["domains"] == [{"host": second["host"], "primary": True}, {"host": first["host"], "primary": False}]
        assert (await told(school)).count("DomainMadePrimary") == 1

    async def test_takes_verified_ones_only(self, admin: Client, dns: DnsTwin) -> None:
        first, pending = await had(admin, dns), await claim(admin, new_host())

        assert await admin.codes("PreferDomain", input={"id": pending["id"]}) == ["CONFLICT"]
        assert (await admin.data("Storefront"))["storefront"]["domains"] == [{"host": first["host"], "primary": True}]

    async def test_many_at_once_leave_one(self, admin: Client, school: School, dns: DnsTwin) -> None:
        all_three = [await had(admin, dns) for _ in range(3)]

        answers = await asyncio.gather(*(admin.codes("PreferDomain", input={"id": domain["id"]}) for domain in all_three * 4))

        assert answers == [[]] * 12
        async with database.reading(school.system):
            assert await database.fetch_value("SELECT count(*) FROM domains WHERE tenant_id = $1 AND is_primary", school.id) == 1


class TestRights:
    async def test_domains_are_in_the_hands_of_the_schools_administrators_only(
        self, admin: Client, rival: Client, student: Client, visitor: Client, sign_in: SignIn, school: School, dns: DnsTwin
    ) -> None:
        domain = await had(admin, dns)
        teacher = await sign_in(roles=("INSTRUCTOR", "SUPPORT"))
        before = await told(school)

        for name in ("VerifyDomain", "RemoveDomain", "PreferDomain"):
            assert await rival.codes(name, input={"id": domain["id"]}) == ["NOT_FOUND"]
            assert await student.codes(name, input={"id": domain["id"]}) == ["FORBIDDEN"]
            assert await teacher.codes(name, input={"id": domain["id"]}) == ["FORBIDDEN"]
            assert await visitor.codes(name, input={"id": domain["id"]}) == ["UNAUTHENTICATED"]
        for client in (student, teacher):
            assert await client.codes("AddDomain", input={"host": new_host()}) == ["FORBIDDEN"]
            assert await client.codes("VerifyMailDomain", input={"domain": "school.example"}) == ["FORBIDDEN"]
            assert await client.codes("GiveDomain", input={"tenantId": domain["id"], "host": new_host()}) == ["FORBIDDEN"]
        assert await admin.codes("GiveDomain", input={"tenantId": domain["id"], "host": new_host()}) == ["FORBIDDEN"]
        assert await told(school) == before
        assert len(dns.questions) == 1

    async def test_a_domain_is_read_by_its_administrators_only(self, admin: Client, rival: Client, student: Client, visitor: Client, dns: DnsTwin) -> None:
        domain = await had(admin, dns)
        node = "query ($id: ID!) { node(id: $id) { __typename ... on Domain { host } } }"

        assert await admin.data(node, id=domain["id"]) == {"__typename": "Domain", "host": domain["host"]}
        for client in (rival, student, visitor):
            assert await client.data(node, id=domain["id"]) is None


class TestByTheClock:
    async def test_each_proof_is_looked_up_once_a_day(self, house: House, admin: Client, school: School, dns: DnsTwin) -> None:
        domain = await had(admin, dns)
        name, now = domain["dnsRecords"][0]["name"], datetime.now(UTC)
        dns.questions.clear()

        await check_due(house.adapters, now=now + timedelta(hours=23))
        asked_early = dns.questions.count((name, "TXT"))
        await asyncio.gather(*(check_due(house.adapters, now=now + timedelta(hours=25)) for _ in range(3)))

        assert (asked_early, dns.questions.count((name, "TXT"))) == (0, 1)
        assert await told(school) == ["DomainAdded", "DomainVerified"]

    async def test_a_domain_whose_proof_is_gone_for_a_week_lapses_and_can_come_back(self, house: House, admin: Client, school: School, dns: DnsTwin) -> None:
        domain = await had(admin, dns)
        await admin.data("BrandTenant", input={"storefrontUrl": f"https://{domain['host']}"})
        now = datetime.now(UTC)
        dns.withdraw(domain["dnsRecords"][0]["name"])

        for day in range(1, 8):
            await check_due(house.adapters, now=now + timedelta(days=day, minutes=day))
        (missing,) = (await admin.data("MyDomains"))["domains"]
        selected = await asked_at(house, domain["host"])
        await check_due(house.adapters, now=now + timedelta(days=8, hours=1))

        assert (missing["status"], missing["problem"], selected) == ("VERIFIED", "PROOF_MISSING", school.slug)
        (lapsed,) = (await admin.data("MyDomains"))["domains"]
        assert (lapsed["status"], lapsed["primary"]) == ("LAPSED", False)
        assert await asked_at(house, domain["host"]) is None
        assert await admin.data("{ tenant { storefrontUrl } }") == {"storefrontUrl": None}
        assert await told(school) == ["DomainAdded", "DomainVerified", "DomainLapsed"]

        prove(dns, domain)
        await forget_the_last_look(school)
        assert await admin.codes("VerifyDomain", input={"id": domain["id"]}) == []
        assert await asked_at(house, domain["host"]) == school.slug

    async def test_a_host_that_lapsed_is_free(self, house: House, admin: Client, rival: Client, school: School, other_school: School, dns: DnsTwin) -> None:
        mine = await had(admin, dns)
        theirs = await claim(rival, mine["host"])
        prove(dns, theirs)
        assert await rival.codes("VerifyDomain", input={"id": theirs["id"]}) == ["DOMAIN_TAKEN"]
        await forget_the_last_look(school, missing_since=datetime.now(UTC) - timedelta(days=8), missed_checks=7, verified_at=datetime.now(UTC) - timedelta(days=90))
        await forget_the_last_look(other_school)

        await check_due(house.adapters, now=datetime.now(UTC))

        assert await rival.codes("VerifyDomain", input={"id": theirs["id"]}) == []
        assert await asked_at(house, mine["host"]) == other_school.slug

    async def test_nobody_loses_a_host_because_dns_is_silent(self, house: House, admin: Client, school: School, dns: DnsTwin) -> None:
        domain = await had(admin, dns)
        dns.fail(domain["dnsRecords"][0]["name"])

        for day in range(2, 30, 3):
            await check_due(house.adapters, now=datetime.now(UTC) + timedelta(days=day))

        (shown,) = (await admin.data("MyDomains"))["domains"]
        assert (shown["status"], shown["problem"]) == ("VERIFIED", "DNS_UNREACHABLE")
        assert await asked_at(house, domain["host"]) == school.slug

    async def test_what_the_platform_gave_is_not_looked_up(self, house: House, sign_in: SignIn, platform: School, admin: Client, school: School, dns: DnsTwin) -> None:
        staff = await sign_in(at=platform, roles=("PLATFORM_ADMIN",))
        host = f"s{uuid4().hex[:12]}.localhost.example"
        tenant_id = (await admin.data("MyTenant"))["id"]

        given = await staff.data("GiveDomain", input={"tenantId": tenant_id, "host": host})
        await check_due(house.adapters, now=datetime.now(UTC) + timedelta(days=30))

        assert given["errors"] == [] and given["domain"]["status"] == "VERIFIED"
        assert [record["type"] for record in given["domain"]["dnsRecords"]] == ["CNAME"]
        assert await asked_at(house, host) == school.slug
        assert not [name for name, _ in dns.questions if host in name]
        assert await told(school) == ["DomainAdded", "DomainVerified"]


class TestMailDomain:
    async def set_sender(self, admin: Client, address: str | None) -> Any:
        assert (await admin.data("BrandTenant", input={"mail": {"from": address, "fromName": "The Office"}}))["errors"] == []
        return (await admin.data("MySender"))["mail"]

    async def sender(self, school: School) -> tenant_queries.Sender:
        async with database.reading(school.system):
            return await tenant_queries.sender(caller=school.system)

    async def test_mails_come_from_the_schools_address_once_its_domain_is_proven(self, admin: Client, school: School, dns: DnsTwin) -> None:
        host = new_host()
        mail = await self.set_sender(admin, f"Courses@{host}")
        before = await self.sender(school)
        prove(dns, mail["domain"])

        verified = await admin.data("VerifyMailDomain", input={"domain": host})

        assert (mail["fromName"], mail["from"], mail["domain"]["status"]) == ("The Office", f"Courses@{host}", "PENDING")
        assert (before.mail_from, before.from_name) == (None, "The Office")
        assert (verified["errors"], verified["mailDomain"]["status"]) == ([], "VERIFIED")
        assert (await self.sender(school)).mail_from == f"Courses@{host}"
        assert await told(school) == ["MailDomainVerified"]

    async def test_another_address_of_the_domain_needs_no_new_proof_one_of_another_does(self, admin: Client, school: School, dns: DnsTwin) -> None:
        host = new_host()
        prove(dns, (await self.set_sender(admin, f"courses@{host}"))["domain"])
        await admin.data("VerifyMailDomain", input={"domain": host})

        same = await self.set_sender(admin, f"office@{host}")
        sends_same = (await self.sender(school)).mail_from
        other = await self.set_sender(admin, f"office@{new_host()}")

        assert (same["domain"]["status"], sends_same) == ("VERIFIED", f"office@{host}")
        assert (other["domain"]["status"], (await self.sender(school)).mail_from) == ("PENDING", None)

    async def test_without_the_proof_mails_come_from_the_platform(self, admin: Client, rival: Client, school: School, dns: DnsTwin) -> None:
        host = new_host()
        await self.set_sender(admin, f"courses@{host}")
        theirs = await self.set_sender(rival, f"courses@{host}")
        prove(dns, theirs["domain"])

        assert await admin.codes("VerifyMailDomain", input={"domain": host}) == ["DOMAIN_UNPROVEN"]
        assert await admin.codes("VerifyMailDomain", input={"domain": host}) == ["RATE_LIMITED"]
        assert await admin.codes("VerifyMailDomain", input={"domain": new_host()}) == ["NOT_FOUND"]
        assert await rival.codes("VerifyMailDomain", input={"domain": host}) == []
        assert (await self.sender(school)).mail_from is None

    async def test_one_whose_proof_is_gone_for_a_week_lapses(self, house: House, admin: Client, school: School, dns: DnsTwin) -> None:
        host = new_host()
        mail = await self.set_sender(admin, f"courses@{host}")
        prove(dns, mail["domain"])
        await admin.data("VerifyMailDomain", input={"domain": host})
        dns.withdraw(mail["domain"]["dnsRecords"][0]["name"])

        for day in range(1, 10):
            await check_due(house.adapters, now=datetime.now(UTC) + timedelta(days=day, minutes=day))

        assert (await admin.data("MySender"))["mail"]["domain"]["status"] == "LAPSED"
        assert (await self.sender(school)).mail_from is None
        assert await told(school) == ["MailDomainVerified", "MailDomainLapsed"]

    async def test_taken_back_leaves_no_domain(self, admin: Client, school: School) -> None:
        await self.set_sender(admin, f"courses@{new_host()}")

        mail = await self.set_sender(admin, None)

        assert (mail["from"], mail["domain"]) == (None, None)

    async def test_the_sender_is_the_brand(self, admin: Client, school: School, dns: DnsTwin) -> None:
        domain = await had(admin, dns)
        await admin.data("BrandTenant", input={"name": "A New Name", "primaryColor": "#123456", "supportEmail": "help@school.example", "locale": "pt-br"})

        sender = await self.sender(school)

        assert (sender.name, sender.primary_color, sender.support_email, sender.locale) == ("A New Name", "#123456", "help@school.example", "pt-BR")
        assert sender.home_url == f"https://{domain['host']}"


async def test_a_crash_between_asking_and_telling_leaves_it_to_be_asked_again(admin: Client, school: School, dns: DnsTwin) -> None:
    domain = await claim(admin, new_host())
    prove(dns, domain)

    class Dying:
        async def texts(self, name: str) -> list[str]:
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await domains.verify_domain(caller=school.system, domain_id=uuid_of(domain), dns=Dying())
    await forget_the_last_look(school)

    assert await admin.codes("VerifyDomain", input={"id": domain["id"]}) == []
