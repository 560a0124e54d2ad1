"""The figures of each part as lines of Markdown."""

from typing import Any

from bench.figures import shown

NAMES = {"limit": "one SQL statement behind Starlette", "postgraphile": "PostGraphile 5", "stock": "stock Strawberry over asyncpg", "ours": "lms_graph"}


def _pages(found: dict[str, Any]) -> list[str]:
    told = []
    for operation, by_name in found["operations"].items():
        told += [
            _heading(operation, found),
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


def _heading(what: str, found: dict[str, Any]) -> str:
    return f"**{what}**, {found['connections']} connections, {found['rounds']} rounds of {found['seconds']} s each in turn"


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
        _heading("`{ __typename }`", found),
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


def _held(found: dict[str, Any]) -> list[str]:
    titles = {"postgraphile": "PostGraphile 5", "ours": "lms_graph, each answer made anew", "held": "lms_graph, answers held"}
    told = []
    for operation, by_name in found["operations"].items():
        told += [
            _heading(operation, found),
            "",
            "| asked by visitors | requests/s: median (least–most) | p50 ms | p99 ms | of PostGraphile | of those made anew |",
            "|---|---|---|---|---|---|",
        ]
        for name, title in titles.items():
            row = by_name[name]
            told.append(f"| {title} | {shown(row['per_second'])} | {row['p50']:.1f} | {row['p99']:.1f} | {shown(row['to_postgraphile'], 2)} | {shown(row['to_ours'], 2)} |")
        told.append("")
    return told


def _growth(found: dict[str, Any]) -> list[str]:
    most = f"{found['steps'][-1]:,}"
    told = [
        f"One request after another, p50 in ms, in a school of {found['courses']:,} courses with",
        "",
        "| | " + " | ".join(f"{step:,} learners" for step in found["steps"]) + f" | statements | plans on indexes, with {most} |",
        "|---|" + "---|" * (len(found["steps"]) + 2),
    ]
    for operation, row in found["operations"].items():
        scans = ", ".join(dict.fromkeys(scan["node"] for scan in row["scans"]))
        told.append(f"| {operation} | " + " | ".join(f"{p50:.2f}" for p50 in row["p50"]) + f" | {row['statements']} | {scans or 'yes'} |")
    return told


def _process(found: dict[str, Any]) -> list[str]:
    told = [
        f"From the start of `lms-graph serve` to its first good answer, {found['starts']} starts, seconds: {shown(found['seconds_to_typename'], 2)} to `{{ __typename }}`, "
        f"{shown(found['seconds_to_page'], 2)} to CoursePage.",
        "",
        "| a process and what it has started | resident MB | with what is shared counted in parts, MB |",
        "|---|---|---|",
    ]
    return told + [f"| {name} | {row['rss']:,.0f} | {row['pss']:,.0f} |" for name, row in found["memory"].items()]


TABLES = {
    "growth": _growth,
    "pages": _pages,
    "held": _held,
    "progress": _progress,
    "certificates": _certificates,
    "live": _live,
    "typename": _typename,
    "timing": _timing,
    "process": _process,
}
