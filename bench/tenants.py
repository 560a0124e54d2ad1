"""`python -m bench.tenants`: what it costs to find out who is asked, among one school and among a thousand, in one run and by turns."""

import asyncio
import statistics
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import asyncpg

from lms_graph.domain.tenancy.queries.identification import IDENTIFY
from lms_graph.embedded.parts import running
from lms_graph.embedded.postgres import create_database, database_url
from lms_graph.kit.secrets import new_token, token_hash
from lms_graph.models.database import migrate

ROUNDS, PER_ROUND = 21, 500
SIZES = (1, 1000)
SCHOOLS = """
    INSERT INTO tenants (tenant_id, id, slug, name, kind, primary_color, locale, currency, settings, created_at)
    SELECT id, id, 'school-' || n, 'School ' || n, 'TENANT', '#1f2937', 'en', 'USD', '{}', now() FROM (SELECT gen_random_uuid() AS id, n FROM generate_series(1, %d) AS n) AS new;
    INSERT INTO domains (tenant_id, id, host, is_primary, status, verification_token, verified_at, created_at)
    SELECT t.id, gen_random_uuid(), place || '.' || t.slug || '.example', place = 'learn', 'VERIFIED', 'x', now(), now() FROM tenants t, unnest(ARRAY['learn', 'www']) AS place;
    ANALYZE tenants, domains;
"""


async def measure(superuser_url: str, environment: dict[str, str]) -> dict[int, list[float]]:
    """Microseconds per look-up by host, a figure per round, by the number of schools."""
    connections = {}
    for size in SIZES:
        name = f"schools_{size}"
        superuser = create_database(superuser_url, name, template="lms")
        owner, app, system = (database_url(environment[f"DATABASE_{role}URL"], name) for role in ("OWNER_", "", "SYSTEM_"))
        await migrate(owner, app, system)
        filling = await asyncpg.connect(superuser)
        await filling.execute(SCHOOLS % size)
        await filling.close()
        connections[size] = await asyncpg.connect(system)
    figures: dict[int, list[float]] = {size: [] for size in SIZES}
    token = token_hash(new_token())
    for round in range(ROUNDS):
        for size in SIZES if round % 2 else reversed(SIZES):
            began = time.perf_counter()
            for number in range(PER_ROUND):
                (row,) = await connections[size].fetch(IDENTIFY, f"learn.school-{number * 7 % size + 1}.example", None, token, datetime.now(UTC), None)
                assert row["tenant_id"] is not None
            figures[size].append((time.perf_counter() - began) / PER_ROUND * 1e6)
    for connection in connections.values():
        await connection.close()
    return {size: values[1:] for size, values in figures.items()}  # the first warms up


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="lms-graph-bench-") as folder, running(Path(folder), environment={}, durable=False) as parts:
        assert parts.superuser_url
        figures = asyncio.run(measure(parts.superuser_url, parts.environment))
    for size, values in figures.items():
        print(f"{size:>5} schools: {statistics.median(values):.0f} µs per look-up (of {len(values)} rounds: {min(values):.0f} to {max(values):.0f})")
    few, many = (figures[size] for size in SIZES)
    ratios = [b / a for a, b in zip(few, many, strict=True)]
    print(f"ratio {statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})")


if __name__ == "__main__":
    main()
