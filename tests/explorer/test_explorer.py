"""The explorer in a browser: everything on it works, with nothing but this server in reach."""

import json
import re
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from playwright.async_api import expect

from tests.explorer.conftest import Explorer
from tests.factories.accounts import app_code
from tests.fixtures.client import Client
from tests.fixtures.house import House

pytestmark = [pytest.mark.anyio, pytest.mark.xdist_group("explorer")]

SignedIn = Callable[[str, str], Awaitable[Client]]
ROBIN = ("student@demo.example", "candle-window-4")
ILSE = ("second.student@demo.example", "orchard-ladder-9")

# The wait for a token's end can be ended: `endLongWait()`.
LONG_WAIT = """
const wait = setTimeout;
window.setTimeout = (then, ms, ...rest) => { if (ms > 600_000) window.endLongWait = then; return wait(then, ms, ...rest); };
"""


async def enrolled(client: Client, slug: str) -> tuple[str, list[str]]:
    """A run of a course, and the course's texts."""
    course = await client.data("CoursePage", slug=slug)
    payload = await client.data("Enroll", input={"courseId": course["id"], "idempotencyKey": f"explorer-{slug}"})
    assert payload["errors"] == []
    return payload["enrollment"]["id"], [lecture["id"] for section in course["sections"] for lecture in section["lectures"] if lecture["contentType"] == "TEXT"]


class TestOperations:
    async def test_a_query_shows_its_result(self, page: Explorer) -> None:
        await page.open()

        await page.run()

        await expect(page.answer).to_contain_text('"name": "Lantern Street School"')

    async def test_a_refused_query_shows_the_servers_words(self, page: Explorer) -> None:
        await page.open()
        await page.write("Wrong", "query Wrong { storefront { price } }")

        await page.run()

        await expect(page.answer).to_contain_text("Cannot query field 'price' on type 'Storefront'")

    async def test_a_subscription_ticks(self, page: Explorer, signed_in: SignedIn) -> None:
        elsewhere = await signed_in(*ILSE)
        run, (reading, *_) = await enrolled(elsewhere, "bookkeeping-for-freelancers")
        await page.open()
        await page.sign_in_as("Ilse Okonjo")
        await page.take("Learner", "Watch it live", "MyProgress")
        await expect(page.variables).to_contain_text(run)

        await page.run()
        await expect(page.answer).to_contain_text('"progressPercent": 0')
        await elsewhere.data("CompleteLecture", input={"enrollmentId": run, "lectureId": reading})

        await expect(page.answer).to_contain_text('"lectureCompleted": true')
        await expect(page.answer).to_contain_text(reading)

    async def test_a_subscription_goes_on_with_the_next_token(self, page: Explorer, signed_in: SignedIn) -> None:
        elsewhere = await signed_in(*ILSE)
        run, (reading, *_) = await enrolled(elsewhere, "first-species-counterpoint")
        await page.page.add_init_script(LONG_WAIT)
        await page.open()
        await page.sign_in_as("Ilse Okonjo")
        await page.take("Learner", "Watch it live", "MyProgress")
        await page.run()
        await expect(page.answer).to_contain_text('"progressPercent": 0')

        async with page.page.expect_websocket():
            await page.page.evaluate("endLongWait()")
        await elsewhere.data("CompleteLecture", input={"enrollmentId": run, "lectureId": reading})

        await expect(page.answer).to_contain_text('"sequence": 2')  # by an event, or by the first message of the new subscription


class TestSignIn:
    async def test_the_box_signs_in_and_says_who_and_until_when(self, page: Explorer) -> None:
        await page.open()

        await page.sign_in(*ROBIN)

        await expect(page.person).to_contain_text("Robin Achterberg")
        await page.person.click()
        box = page.page.get_by_role("dialog", name="Signed in as")
        await expect(box).to_contain_text("student@demo.example")
        await expect(box).to_contain_text(re.compile(r"until \d\d:\d\d"))

    async def test_what_is_run_then_is_run_as_that_person(self, page: Explorer) -> None:
        await page.open()
        await page.sign_in_as("Maren Oduya")
        await page.write("Who", "query Who { viewer { name email } }")

        await page.run()

        await expect(page.answer).to_contain_text('"name": "Maren Oduya"')
        await expect(page.answer).to_contain_text('"email": "m•••@d•••.example"')

    async def test_personal_data_is_shown_once_it_is_asked_for(self, page: Explorer) -> None:
        await page.open()
        await page.sign_in_as("Maren Oduya")
        await page.allow("Show personal data")
        await expect(page.person).to_contain_text("only looking, personal data shown")
        await page.write("Who", "query Who { viewer { email } }")

        await page.run()

        await expect(page.answer).to_contain_text('"email": "maren@demo.example"')

    async def test_somebody_elses_turn_begins_with_looking(self, page: Explorer) -> None:
        await page.open()
        await page.sign_in_as("Maren Oduya")
        await page.allow("Allow changes", "Show personal data")
        await expect(page.person).to_contain_text("all allowed")
        await page.person.click()
        await page.page.get_by_role("button", name="Sign out", exact=True).click()

        await page.sign_in_as("Robin Achterberg")

        await expect(page.person).to_contain_text("only looking")

    async def test_a_wrong_password_is_told_in_words(self, page: Explorer) -> None:
        await page.open()

        await page.sign_in("student@demo.example", "not the candle")

        await expect(page.alert).to_contain_text("password", ignore_case=True)
        await expect(page.person).to_have_count(0)

    async def test_a_second_factor_is_asked_for(self, page: Explorer) -> None:
        tess = Client(House(page.address, None), "demo")  # type: ignore[arg-type]  # the API is in another process
        signed_up = await tess.data("SignUp", input={"email": "tess@demo.example", "name": "Tess Two", "password": "a quiet blue harbour"})
        tess.http.headers["Authorization"] = f"Bearer {signed_up['session']['accessToken']}"
        secret = (await tess.data("StartTotp", input={"password": "a quiet blue harbour"}))["secret"]
        recovery_code = (await tess.data("ConfirmTotp", input={"code": app_code(secret, datetime.now(UTC))}))["recoveryCodes"][0]
        await tess.http.aclose()
        await page.open()

        await page.sign_in("tess@demo.example", "a quiet blue harbour")
        box = page.page.get_by_role("dialog", name="Sign in")
        await box.get_by_label("Code of your authenticator app").fill("no code at all")
        await box.get_by_role("button", name="Sign in", exact=True).click()
        await expect(page.alert).to_contain_text("wrong")
        await box.get_by_label("Code of your authenticator app").fill(recovery_code)
        await box.get_by_role("button", name="Sign in", exact=True).click()

        await expect(page.person).to_contain_text("Tess Two")

    async def test_a_header_of_ones_own_goes_before_it(self, page: Explorer, signed_in: SignedIn) -> None:
        token = (await signed_in(*ILSE)).token
        await page.open()
        await page.sign_in_as("Robin Achterberg")
        await page.write("Who", "query Who { viewer { email } }")
        await page.page.get_by_role("button", name="Headers").click()
        await page.page.get_by_label("Headers").locator(".monaco-editor").filter(visible=True).click()
        await page.page.keyboard.insert_text(json.dumps({"Authorization": f"Bearer {token}"}))

        await page.run()

        await expect(page.answer).to_contain_text('"email": "second.student@demo.example"')

    async def test_the_token_is_renewed_before_it_ends(self, page: Explorer) -> None:
        await page.page.add_init_script(LONG_WAIT)
        await page.open()
        await page.sign_in_as("Robin Achterberg")
        await page.allow("Allow changes", "Show personal data")

        async with page.page.expect_response(lambda answer: "sessionRefresh" in (answer.request.post_data or "")) as renewed:
            await page.page.evaluate("endLongWait()")
        tokens = (await (await renewed.value).json())["data"]["sessionRefresh"]["session"]

        await page.write("Who", "query Who { viewer { email } }")
        async with page.page.expect_request(lambda request: "Who" in (request.post_data or "")) as asked:
            await page.run()
        assert (await asked.value).headers["authorization"] == f"Bearer {tokens['accessToken']}"
        await expect(page.answer).to_contain_text("student@demo.example")

    async def test_a_session_that_ended_elsewhere_is_told_in_words(self, page: Explorer, signed_in: SignedIn) -> None:
        await page.open()
        async with page.page.expect_response(lambda answer: "signIn" in (answer.request.post_data or "")) as signing:
            await page.sign_in_as("Robin Achterberg")
        refresh_token = (await (await signing.value).json())["data"]["signIn"]["session"]["refreshToken"]
        await (await signed_in(*ROBIN)).data("SignOut", input={"refreshToken": refresh_token})

        await page.run()

        await expect(page.alert).to_contain_text("You were signed out.")
        await expect(page.page.get_by_role("button", name="Sign in", exact=True)).to_be_visible()

    async def test_a_reload_keeps_it_and_leaves_no_token_lying(self, page: Explorer) -> None:
        await page.open()
        await page.sign_in_as("Robin Achterberg")

        await page.page.reload()

        await expect(page.person).to_contain_text("Robin Achterberg")
        assert await page.page.evaluate("sessionStorage.length") == 0
        assert "accessToken" not in await page.page.evaluate("JSON.stringify(localStorage)")

    async def test_signing_out_ends_the_session_on_the_server(self, page: Explorer, address: str) -> None:
        await page.open()
        async with page.page.expect_response(lambda answer: "signIn" in (answer.request.post_data or "")) as signing:
            await page.sign_in_as("Robin Achterberg")
        token = (await (await signing.value).json())["data"]["signIn"]["session"]["accessToken"]

        await page.person.click()
        async with page.page.expect_response(lambda answer: "signOut" in (answer.request.post_data or "")):
            await page.page.get_by_role("button", name="Sign out").click()

        await expect(page.person).to_have_count(0)
        answer = await page.page.request.post(f"{address}/graphql", data={"query": "{ viewer { id } }"}, headers={"Authorization": f"Bearer {token}", "X-Tenant": "demo"})
        assert (await answer.json())["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"


class TestShelf:
    async def test_an_example_opens_in_a_tab_with_its_variables(self, page: Explorer) -> None:
        await page.open()

        await page.take("Storefront", "A course's page", "CoursePage")

        await expect(page.editor).to_contain_text("query CoursePage($slug: String!)")
        await expect(page.variables).to_contain_text('"slug": "exposure-in-an-evening"')
        await page.run()
        await expect(page.answer).to_contain_text('"slug": "exposure-in-an-evening"')

    async def test_a_change_works_as_it_stands(self, page: Explorer) -> None:
        await page.open()
        await page.sign_in_as("Robin Achterberg")
        await page.allow("Allow changes")

        await page.take("Learner", "Enroll in a course", "Enroll")
        await page.run()

        await expect(page.answer).to_contain_text('"status": "ACTIVE"')
        await expect(page.answer).not_to_contain_text('"__typename"')  # no entry of `errors`

    async def test_a_change_is_refused_until_it_is_allowed(self, page: Explorer) -> None:
        await page.open()
        await page.sign_in_as("Robin Achterberg")

        await page.take("Learner", "Enroll in a course", "Enroll")
        await expect(page.editor).to_contain_text("# Allow changes first, at the top right under your name.")
        await page.run()

        await expect(page.answer).to_contain_text("This token is read-only")

    async def test_a_quiz_can_be_taken_from_it(self, page: Explorer, signed_in: SignedIn) -> None:
        await enrolled(await signed_in(*ROBIN), "exposure-in-an-evening")
        await page.open()
        await page.sign_in_as("Robin Achterberg")
        await page.allow("Allow changes")
        await page.take("Learner", "Start a quiz", "StartAttempt")
        await page.run()
        await expect(page.answer).to_contain_text('"status": "OPEN"')

        await page.take("Learner", "Answer a question", "SaveAnswer")
        await page.run()

        await expect(page.answer).to_contain_text('"savedAt": "2')

    async def test_who_is_signed_out_is_told_to_sign_in_first(self, page: Explorer) -> None:
        await page.open()

        await page.take("Learner", "Where I stand", "Learn")

        await expect(page.editor).to_contain_text("# Sign in first, at the top right.")
        await expect(page.variables).to_contain_text('"id": ""')

    async def test_what_is_missing_is_told_before_it_is_asked(self, page: Explorer) -> None:
        await page.open()
        await page.sign_in_as("Teresa Lindqvist")

        await page.take("Learner", "Where I stand", "Learn")

        await expect(page.editor).to_contain_text("run “Enroll in a course”")


class TestSchools:
    async def test_a_school_is_shown_by_its_name_and_asked_by_its_slug(self, page: Explorer) -> None:
        await page.open()
        await expect(page.page.locator("header")).to_contain_text("Lantern Street School")

        await page.switch("harbor")

        await expect(page.page.locator("header")).to_contain_text("Harbor School")
        await expect(page.page).to_have_title("Harbor School · GraphQL explorer")
        await page.run()
        await expect(page.answer).to_contain_text('"name": "Harbor School"')

    async def test_who_is_signed_in_at_one_is_a_visitor_at_the_other(self, page: Explorer) -> None:
        await page.open()
        await page.sign_in_as("Robin Achterberg")

        await page.switch("harbor")
        await expect(page.page.get_by_role("button", name="Sign in", exact=True)).to_be_visible()
        await page.switch("demo")

        await expect(page.person).to_contain_text("Robin Achterberg")

    async def test_the_demo_schools_people_are_offered_there_only(self, page: Explorer) -> None:
        await page.open()
        await page.switch("harbor")

        await page.page.get_by_role("button", name="Sign in", exact=True).click()

        await expect(page.page.get_by_role("dialog", name="Sign in")).to_contain_text("Harbor School")
        await expect(page.page.get_by_text("Robin Achterberg")).to_have_count(0)

    async def test_a_school_that_is_none_is_told_and_nothing_changes(self, page: Explorer) -> None:
        await page.open()

        await page.switch("nowhere")

        await expect(page.alert).to_contain_text("No school answers here.")
        await page.page.keyboard.press("Escape")
        await page.run()
        await expect(page.answer).to_contain_text("Lantern Street School")


class TestSchema:
    async def test_the_documentation_and_the_tree_show_it(self, page: Explorer) -> None:
        await page.open()

        await page.page.get_by_role("button", name="Show Documentation Explorer").click()
        await page.page.get_by_role("link", name="Query", exact=True).click()
        await expect(page.page.get_by_text("A published course by its slug or id")).to_be_visible()

        await page.page.get_by_role("button", name="Show GraphiQL Explorer").click()
        await expect(page.page.locator(".graphiql-explorer-root")).to_contain_text("storefront")


class TestProduction:
    @pytest.fixture
    def address(self, addresses: tuple[str, str]) -> str:
        return addresses[1]

    async def test_a_school_that_keeps_its_schema_to_itself_is_told_in_words(self, page: Explorer) -> None:
        await page.open()
        await page.switch("harbor")
        await expect(page.page.locator("header")).to_contain_text("Harbor School")

        for pane in ("Documentation Explorer", "GraphiQL Explorer"):
            await page.page.get_by_role("button", name=f"Show {pane}").click()
            await expect(page.page.get_by_role("heading", name="This school keeps its schema to itself")).to_be_visible()

        await page.run()
        await expect(page.answer).to_contain_text("Harbor School")

    async def test_nobody_is_offered_to_be_signed_in_as(self, page: Explorer) -> None:
        await page.open()

        await page.page.get_by_role("button", name="Sign in", exact=True).click()

        await expect(page.page.get_by_label("E-mail address")).to_be_visible()
        await expect(page.page.get_by_text("Robin Achterberg")).to_have_count(0)


class TestKeyboard:
    async def test_a_box_is_reached_used_and_left_by_it(self, page: Explorer) -> None:
        await page.open()
        await page.page.locator("body").press("Tab")
        await expect(page.page.get_by_role("button", name="Switch school")).to_be_focused()
        await page.page.keyboard.press("Tab")
        await page.page.keyboard.press("Enter")

        await expect(page.page.get_by_label("E-mail address")).to_be_focused()
        await page.page.keyboard.press("Escape")

        await expect(page.page.get_by_role("dialog")).to_have_count(0)
        await expect(page.page.get_by_role("button", name="Sign in", exact=True)).to_be_focused()

    async def test_arrows_go_along_the_shelf(self, page: Explorer) -> None:
        await page.open()
        await page.page.get_by_role("tab", name="Storefront").focus()

        await page.page.keyboard.press("ArrowRight")

        await expect(page.page.get_by_role("tab", name="Learner")).to_be_focused()
        await expect(page.page.get_by_role("tabpanel", name="Learner")).to_contain_text("Enroll in a course")


class TestNarrow:
    @pytest.fixture
    def screen(self) -> dict[str, Any]:
        return {"viewport": {"width": 390, "height": 844}, "color_scheme": "dark"}

    async def test_everything_fits_and_works(self, page: Explorer) -> None:
        await page.open()
        await page.sign_in_as("Ilse Okonjo")
        await page.page.get_by_role("button", name="Show Examples").click()
        await expect(page.editor).to_be_hidden()

        await page.take("Storefront", "The school and its shelves", "Storefront")
        await page.run()

        await expect(page.answer).to_contain_text("Lantern Street School")
        assert await page.page.evaluate("document.documentElement.scrollWidth") == 390
        for part in ("Operation Editor", "Result Window"):
            box = await page.page.get_by_label(part).bounding_box()
            assert box and box["x"] >= 0 and box["width"] > 300 and box["x"] + box["width"] <= 390
