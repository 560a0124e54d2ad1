"""The figures as lines for a terminal, and as the page of the docs."""

import json
from pathlib import Path
from typing import Any

from bench.figures import shown

ROOT = Path(__file__).parents[1]
NAMES = {"limit": "one SQL statement behind Starlette", "postgraphile": "PostGraphile 5", "stock": "stock Strawberry over asyncpg", "ours": "lms_graph"}


def read(folder: Path) -> dict[str, Any]:
    """The results that are there, by part."""
    return {path.stem: json.loads(path.read_text()) for path in sorted(folder.glob("*.json"))}


def lines(part: str, found: dict[str, Any]) -> list[str]:
    """What a part has found, for people at a terminal."""
    return ["", *_TABLES[part](found), ""]


def _pages(found: dict[str, Any]) -> list[str]:
    told = []
    for operation, by_name in found["operations"].items():
        told += [
            f"**{operation}**, {found['courses']:,} courses, {found['connections']} connections, {found['rounds']} rounds of {found['seconds']} s each in turn",
            "",
            "| | requests/s: median (least–most) | p50 ms | p99 ms | ms in PostgreSQL | of the SQL statement | of PostGraphile |",
            "|---|---|---|---|---|---|---|",
        ]
        for name, title in NAMES.items():
            row = by_name[name]
            told.append(
                f"| {title} | {shown(row['per_second'])} | {row['p50']:.1f} | {row['p99']:.1f} | {row['in_postgresql']['milliseconds']:.2f} "
                f"| {shown(row['to_limit'], 2)} | {shown(row['to_postgraphile'], 2)} |"
            )
        told += ["", *_shares(by_name["inside"], by_name["ours"]["in_postgresql"]), ""]
    return told


def _shares(inside: dict[str, float], in_postgresql: dict[str, float]) -> list[str]:
    """A request's time by what it is spent on."""
    whole = inside["whole"]
    working = min(in_postgresql["milliseconds"], inside["waiting for PostgreSQL"])
    parts = {
        "PostgreSQL at work": working,
        "on the way to PostgreSQL and back": inside["waiting for PostgreSQL"] - working,
        "the document, found again": inside["preparing"],
        "its cost, and the caller's budget": inside["admitting"] - inside["preparing"],
        "serializing": inside["serializing"],
    }
    parts["executor, resolvers and loaders"] = inside["executing"] - inside["waiting while executing"]
    parts["HTTP, who asks"] = whole - sum(parts.values())
    told = ["| one request of lms_graph at a time, without a socket | ms | share |", "|---|---|---|"]
    told += [f"| {what} | {milliseconds:.2f} | {milliseconds / whole:.0%} |" for what, milliseconds in parts.items()]
    told.append(f"| **whole**, {in_postgresql['statements']:.0f} statements with those that begin and end transactions | {whole:.2f} | |")
    return told


def _progress(found: dict[str, Any]) -> list[str]:
    titles = {"limit": "one upsert behind Starlette", "ours": "lms_graph"}
    told = [
        f"**RecordProgress**, one heartbeat a request, {found['learners']} learners in a course of {found['lectures']} lectures, {found['rounds']} rounds of {found['seconds']} s each in turn",
        "",
        "| | callers | answered/s: median (least–most) | p50 ms | p99 ms | of the upsert |",
        "|---|---|---|---|---|---|",
    ]
    for callers, by_name in found["callers"].items():
        for name, title in titles.items():
            row = by_name[name]
            told.append(f"| {title} | {callers} | {shown(row['per_second'])} | {row['p50']:.1f} | {row['p99']:.1f} | {shown(row['to_limit'], 2)} |")
    return told


def _certificates(found: dict[str, Any]) -> list[str]:
    return [
        f"**Certificates**: {found['per_minute']:,.0f} a minute on a warm browser ({found['count']} finished at once, {found['threads']} worker threads, two pages at a time).",
        f"A job to print one, waiting for its turn included: p50 {found['p50']:,.0f} ms, p95 {found['p95']:,.0f} ms. A job to issue and sign one: p50 {found['issue_p50']:,.0f} ms.",
    ]


def _live(found: dict[str, Any]) -> list[str]:
    told = [
        f"**Live**: {found['subscribers']} sockets on one process, {found['events']} events, one a second",
        "",
        "| | delivered | frame after p50 ms | p99 ms | after the first socket's, p50 ms | p99 ms | the last socket's frame, p50 ms | most ms |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name, title in (("limit", "bare Starlette broadcast"), ("ours", "lms_graph, from the mutation's sending on")):
        row = found[name]
        told.append(
            f"| {title} | {row['delivered']:,} of {row['delivered'] + row['undelivered']:,} | {row['p50']:,.0f} | {row['p99']:,.0f} "
            f"| {row['spread_p50']:,.0f} | {row['spread_p99']:,.0f} | {row['last_p50']:,.0f} | {row['last_most']:,.0f} |"
        )
    return [*told, "", f"The mutation itself is answered after {found['ours']['answered_p50']:,.0f} ms (p50)."]


def _typename(found: dict[str, Any]) -> list[str]:
    titles = {"stock": "stock Strawberry, nobody asked who they are", "visitor": "lms_graph, a visitor", "signed_in": "lms_graph, signed in"}
    told = [
        f"**`{{ __typename }}`**, {found['connections']} connections, {found['rounds']} rounds of {found['seconds']} s each in turn",
        "",
        "| | requests/s: median (least–most) | p50 ms | p99 ms | of stock |",
        "|---|---|---|---|---|",
    ]
    for name, title in titles.items():
        row = found["targets"][name]
        told.append(f"| {title} | {shown(row['per_second'])} | {row['p50']:.1f} | {row['p99']:.1f} | {shown(row['to_stock'], 2)} |")
    inside = found["inside"]
    return [*told, "", f"Of {inside['whole']:.2f} ms of a request without a socket, {inside['waiting for PostgreSQL']:.2f} ms wait for the look-up of who asks."]


def _timing(found: dict[str, Any]) -> list[str]:
    told = [
        f"**Known and unknown addresses**, {found['pairs']} pairs, one request after another",
        "",
        "| | known, median ms (quartiles) | unknown, median ms (quartiles) | difference ms | of the unknown |",
        "|---|---|---|---|---|",
    ]
    for name, row in found["compared"].items():
        cells = [f"{row['medians'][which]:.2f} ({row['quartiles'][which][0]:.2f}–{row['quartiles'][which][1]:.2f})" for which in ("known", "unknown")]
        apart = row["medians"]["known"] - row["medians"]["unknown"]
        told.append(f"| {name} | {cells[0]} | {cells[1]} | {apart:+.2f} | {apart / row['medians']['unknown']:+.1%} |")
    return told


_TABLES = {"pages": _pages, "progress": _progress, "certificates": _certificates, "live": _live, "typename": _typename, "timing": _timing}

_INTRODUCTION = """# Benchmarks

What the product does on one machine, as ratios in one run: absolute figures depend on the machine, ratios far less. Run it again with

<!-- not run: it takes ten minutes; tests/bench holds the answers against each other -->

```sh
.venv/bin/python -m bench                       # all of it, about ten minutes
.venv/bin/python -m bench pages typename        # some of it
.venv/bin/python -m bench --quick               # whether it runs
.venv/bin/python -m bench page                  # this page, from the results
```

The first run fetches PostGraphile from npm. Everything else is in the development environment. Let nothing else run meanwhile.
"""

_COMPARED = """## What is compared

All servers are one process each, on the same embedded PostgreSQL with its usual safety, asked in turn by one process with 16 keep-alive connections: a round of one, a round of the next, and so on,
so that a busy moment of the machine meets all of them. Ratios are taken round by round. The school has 2,000 published courses with 90,000 lectures; the pages of 200 courses are asked for in
turn by somebody who is signed in and has no run. In each comparator a request begins with the same look-up of school and session as the system role, and reads as the application role
under the row policies.

* **One SQL statement behind Starlette** is the limit: `bench/sql` builds the whole answer as JSON, with the same ids and signed cursors. It knows two operations and no GraphQL. Its answers are equal
  to the product's, which is checked before each run and in `tests/bench`.
* **Stock Strawberry** has the same schema for these two operations, as the documentation teaches it: an async resolver per relation, a DataLoader per kind of row, caches of parsing and validation. Its answers are
  checked in the same way.
* **PostGraphile 5** asks the same tables through its own schema, with what its users add in the database: computed columns for sums, a function for facets, a foreign key for sections and lectures. Its answers are
  alike, not equal: no decisions about access (it gives the runs and `isPreview` instead), its own ids and cursors, file ids in place of addresses, no `resume`. The lectures and the courses it shows are checked.

Not compared: other machines, networks, more than one process, answers kept in a cache, writes but for progress.

Progress is held against **one upsert behind Starlette**: it asks who it is and whose run it is, joins the range to what was seen, and answers after the commit. It numbers no events, asks no grant, keeps no record of
what was sent, finishes no lecture and tells nobody.

PostgreSQL's own work is taken from `pg_stat_statements` under load; the other shares are taken in a process that calls the application without a socket, one request after another.
Certificates go from finished runs through relay and jobs to PDFs in the object store. Live frames are counted from the moment the mutation is sent: its transaction, the relay and Redis are in them.
The client of all sockets is one Python process on the same machine, which is in the figures of both.
"""


def write_page(path: Path, found: dict[str, Any]) -> None:
    """Render the results that are there. Raises SystemExit when there are none."""
    if not found:
        raise SystemExit("There are no results to write: run `python -m bench` first.")
    told = [_INTRODUCTION]
    for part in ("pages", "progress", "typename", "certificates", "live", "timing"):
        if part in found:
            one = found[part]
            machine = one["machine"]
            warning = " **A quick run: not to be believed.**" if one["quick"] else ""
            if machine["load"] > 0.5:
                warning += f" **Provisional: the machine was busy with other work (load average {machine['load']}).**"
            told += [f"## {_HEADINGS[part]}", "", f"{one['when']}, {machine['processor']}, {machine['cores']} cores, {machine['system']}.{warning}", "", *_TABLES[part](one), ""]
    told += [_COMPARED, "## Versions", "", ", ".join(f"{name} {version}" for name, version in next(iter(found.values()))["versions"].items()) + ".", ""]
    path.write_text("\n".join(told))


_HEADINGS = {"pages": "Pages", "progress": "Progress", "typename": "What every request pays", "certificates": "Certificates", "live": "Live", "timing": "What a clock can tell"}
