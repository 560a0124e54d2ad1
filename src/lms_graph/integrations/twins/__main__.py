"""All twins on one port, for `lms-graph dev`: `/openid`, `/google` and `/github`."""

import sys

import uvicorn
from starlette.applications import Starlette
from starlette.routing import Mount

from lms_graph.integrations.twins.github import GithubTwin
from lms_graph.integrations.twins.openid import OpenIdTwin


def application(url: str) -> Starlette:
    return Starlette(
        routes=[
            Mount("/openid", OpenIdTwin(f"{url}/openid", title="The school's own provider").app()),
            Mount("/google", OpenIdTwin(f"{url}/google", title="Google's twin").app()),
            Mount("/github", GithubTwin(title="GitHub's twin").app()),
        ]
    )


if __name__ == "__main__":
    port = int(sys.argv[1])
    uvicorn.run(application(f"http://localhost:{port}"), host="127.0.0.1", port=port, log_level="warning")
