"""All twins on one port, for `lms-graph dev`: `/openid`, `/google`, `/github` and `/stripe`."""

import argparse
import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import uvicorn
from starlette.applications import Starlette
from starlette.routing import Mount

from lms_graph.integrations.twins.github import GithubTwin
from lms_graph.integrations.twins.openid import OpenIdTwin
from lms_graph.integrations.twins.stripe import WEBHOOK_SECRET, StripeTwin

TICK_SECONDS = 5.0


def application(url: str, webhooks: str | None = None) -> Starlette:
    """`webhooks` is where Stripe's twin tells of its events."""
    stripe = StripeTwin(f"{url}/stripe")
    if webhooks:
        stripe.listen(webhooks, WEBHOOK_SECRET)
        stripe.events.retry_after = (1, 5, 30, 120, 600)

    async def tick() -> None:
        while True:
            await asyncio.sleep(TICK_SECONDS)
            stripe.advance()

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        ticking = asyncio.create_task(tick())
        yield
        ticking.cancel()
        await stripe.events.stop()

    return Starlette(
        lifespan=lifespan,
        routes=[
            Mount("/openid", OpenIdTwin(f"{url}/openid", title="The school's own provider").app()),
            Mount("/google", OpenIdTwin(f"{url}/google", title="Google's twin").app()),
            Mount("/github", GithubTwin(title="GitHub's twin").app()),
            Mount("/stripe", stripe.app()),
        ],
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("port", type=int)
    parser.add_argument("--webhooks")
    asked = parser.parse_args()
    uvicorn.run(application(f"http://localhost:{asked.port}", asked.webhooks), host="127.0.0.1", port=asked.port, log_level="warning")
