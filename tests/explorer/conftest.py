"""The explorer as its users have it: built once, served by `lms-graph serve` with the demo school and a worker behind it, in a headless Chromium."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from playwright.async_api import Browser, Locator, Page, Route, async_playwright, expect

from lms_graph.embedded import explorer
from lms_graph.integrations import chromium
from tests.fixtures.client import Client
from tests.fixtures.databases import own_database
from tests.fixtures.house import House
from tests.fixtures.processes import PROGRAM, Process
from tests.fixtures.serving import Serve

expect.set_options(timeout=20_000)  # the browser shares the machine with other tests

SECOND_SCHOOL = """
import asyncio, sys
from lms_graph.domain.tenancy.operations import tenants as operations
from lms_graph.models.database import open_database

async def make():
    await open_database(*sys.argv[1:])
    await operations.create_tenant(slug="harbor", name="Harbor School")

asyncio.run(make())
"""


@pytest.fixture(scope="session")
def built() -> None:
    """The explorer as its sources are. Whoever comes first builds it, in whatever process."""
    explorer.build(print)


@pytest.fixture(scope="module")
def seeded(servers: dict[str, str], environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Iterator[dict[str, str]]:
    """A database of its own with the demo school and a second one, which shows no schema; a worker on it."""
    folder = tmp_path_factory.mktemp("explorer")
    with own_database(servers, environment, f"explorer_{worker_id}_{folder.name}") as (own, _):
        own["LMS_DEFAULT_TENANT"] = "demo"
        subprocess.run([*PROGRAM, "seed"], env=own, check=True, capture_output=True)
        subprocess.run([sys.executable, "-c", SECOND_SCHOOL, own["DATABASE_URL"], own["DATABASE_SYSTEM_URL"]], check=True, capture_output=True)
        worker = Process("worker", [*PROGRAM, "worker"], folder / "worker.log", own)
        try:
            yield own
        finally:
            worker.end()


@pytest.fixture(scope="module")
async def addresses(built: None, seeded: dict[str, str], serve: Serve) -> tuple[str, str]:
    """Two servers of both schools: in development, and not."""
    development, production = await asyncio.gather(serve(**seeded, LMS_DEVELOPMENT="true"), serve(**seeded))
    return development.url.replace("127.0.0.1", "localhost"), production.url.replace("127.0.0.1", "localhost")


@pytest.fixture(scope="module")
def address(addresses: tuple[str, str]) -> str:
    """The API in development; a test class may say another."""
    return addresses[0]


@pytest.fixture(scope="module")
async def browser(anyio_backend: str) -> AsyncIterator[Browser]:
    chromium.prepare_driver()
    program = chromium.find_chromium() or chromium.fetch_chromium()
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=program, env=chromium.browser_env(program), args=["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"])
        yield browser
        await browser.close()


@dataclass
class Explorer:
    """The page, in the words of who uses it."""

    page: Page
    address: str
    outside: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    async def open(self) -> None:
        await self.page.goto(f"{self.address}/graphql")
        await expect(self.editor.locator(".view-line").first).to_be_visible()

    @property
    def editor(self) -> Locator:
        return self.page.get_by_label("Operation Editor").locator(".monaco-editor").first

    @property
    def variables(self) -> Locator:
        return self.page.get_by_label("Variables").locator(".monaco-editor").filter(visible=True)

    @property
    def answer(self) -> Locator:
        return self.page.get_by_label("Result Window")

    @property
    def alert(self) -> Locator:
        return self.page.locator("p[role=alert]:not(:empty)")

    @property
    def person(self) -> Locator:
        return self.page.locator("header").get_by_role("button", name="Signed in as")

    async def write(self, name: str, document: str) -> None:
        """An operation of this name, in the place of what stands there."""
        await self.editor.click()
        await self.page.keyboard.press("ControlOrMeta+A")
        await self.page.keyboard.insert_text(document)
        await self._read_as(name)

    async def run(self) -> None:
        await self.page.get_by_role("button", name="Execute query").click()

    async def sign_in(self, email: str, password: str) -> None:
        await self.page.get_by_role("button", name="Sign in", exact=True).click()
        box = self.page.get_by_role("dialog", name="Sign in")
        await box.get_by_label("E-mail address").fill(email)
        await box.get_by_label("Password").fill(password)
        await box.get_by_role("button", name="Sign in", exact=True).click()

    async def sign_in_as(self, name: str) -> None:
        """By one click on one of the demo school's people."""
        await self.page.get_by_role("button", name="Sign in", exact=True).click()
        await self.page.get_by_role("button", name=name).click()
        await expect(self.person).to_be_visible()

    async def allow(self, *what: str) -> None:
        """`Allow changes`, `Show personal data`: under one's name."""
        await self.person.click()
        box = self.page.get_by_role("dialog", name="Signed in as")
        for label in what:
            await box.get_by_role("switch", name=label).check()
        await self.page.keyboard.press("Escape")

    async def take(self, group: str, example: str, name: str) -> None:
        """An example from the shelf, whose operation has this name."""
        await self.page.get_by_role("tab", name=group, exact=True).click()
        await self.page.get_by_role("tabpanel").get_by_role("button", name=example).click()
        await expect(self.editor).to_contain_text(f"# {example}.")
        await self._read_as(name)

    async def _read_as(self, name: str) -> None:
        """The editor reads what is in it with a short delay; its tab then bears the operation's name."""
        await expect(self.page.get_by_label("Select active operation").get_by_text(name, exact=True).last).to_be_visible()

    async def switch(self, slug: str) -> None:
        await self.page.get_by_role("button", name="Switch school").click()
        box = self.page.get_by_role("dialog", name="Switch school")
        await box.get_by_label("Slug").fill(slug)
        await box.get_by_role("button", name="Switch", exact=True).click()


@pytest.fixture
async def screen() -> dict[str, Any]:
    """What the browser's window is like; a test class says what differs."""
    return {"viewport": {"width": 1440, "height": 900}}


@pytest.fixture
async def page(address: str, browser: Browser, screen: dict[str, Any]) -> AsyncIterator[Explorer]:
    """The explorer, not opened yet. Whatever asks for anything elsewhere is stopped and remembered, and so is what the browser complains of: both must be nothing."""
    context = await browser.new_context(**screen)
    page = await context.new_page()
    explorer = Explorer(page, address)

    async def at_home_only(route: Route) -> None:
        if route.request.url.startswith((f"{address}/", "data:", "blob:")):
            await route.continue_()
        else:
            explorer.outside.append(route.request.url)
            await route.abort()

    await context.route("**/*", at_home_only)
    # A refused operation is an answer as any other: the browser's own note about its status is no complaint of ours. A file that is missing is one.
    page.on("console", lambda said: explorer.complaints.append(said.text) if said.type in ("error", "warning") and not said.text.startswith("Failed to load resource") else None)
    page.on("response", lambda answer: explorer.complaints.append(f"{answer.status} {answer.url}") if answer.status >= 400 and answer.url != f"{address}/graphql" else None)
    page.on("pageerror", lambda error: explorer.complaints.append(str(error)))
    page.on("websocket", lambda socket: explorer.outside.append(socket.url) if not socket.url.startswith(address.replace("http", "ws", 1)) else None)
    yield explorer
    await context.close()
    assert explorer.outside == []
    assert explorer.complaints == []


@pytest.fixture
async def signed_in(address: str) -> AsyncIterator[Any]:
    """`await signed_in(email, password)`: a client of the API on another device."""
    made: list[Client] = []

    async def enter(email: str, password: str) -> Client:
        visitor = Client(House(address, None), "demo")  # type: ignore[arg-type]  # the API is in another process: its adapters are out of reach
        made.append(visitor)
        session = (await visitor.data("SignIn", input={"email": email, "password": password}))["session"]
        made.append(Client(visitor.house, "demo", session["accessToken"]))
        return made[-1]

    yield enter
    for client in made:
        await client.http.aclose()
