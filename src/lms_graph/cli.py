"""The operator's verbs: `lms-graph --help` lists them.

Each verb imports what it needs when it runs, so that help comes at once.
"""

import sys
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

app = App(
    name="lms-graph",
    help="A headless course-commerce backend: one GraphQL API for catalog, access, learning, certificates and money.",
)


@app.command
def dev(
    *,
    port: Annotated[int, Parameter(help="Where the API listens.")] = 8000,
    data: Annotated[Path, Parameter(help="Folder for database, files and logs; made when missing.")] = Path(".data"),
) -> int:
    """Start everything on this machine: database, Redis, file store, the API, the worker and a demo school.

    Nothing needs to be installed or configured. To use servers of your own, set DATABASE_URL, DATABASE_OWNER_URL and
    DATABASE_SYSTEM_URL, or REDIS_URL, or S3_ENDPOINT, S3_REGION, S3_BUCKET, S3_ACCESS_KEY_ID and S3_SECRET_ACCESS_KEY.
    Ctrl-C stops everything; what you did stays in the data folder.
    """
    from lms_graph.embedded.dev import dev

    return dev(port=port, data=data)


@app.command
def doctor() -> int:
    """Check every part this machine needs, and say what mends those that are missing or broken."""
    import os

    from lms_graph.embedded.doctor import doctor

    return doctor(os.environ)


def main() -> None:
    sys.exit(app())


if __name__ == "__main__":
    main()
