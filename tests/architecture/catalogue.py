"""What PostgreSQL knows of our tables."""

import re
from typing import Any

import asyncpg

# What is not ours: the book of applied migrations, which only the owner reads.
FOREIGN = {"tortoise_migrations"}


async def tables(owner: asyncpg.Connection) -> list[str]:
    """All tables, partitions too."""
    rows = await owner.fetch("SELECT c.relname FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') ORDER BY 1")
    return [row["relname"] for row in rows if row["relname"] not in FOREIGN]


async def parents(owner: asyncpg.Connection) -> list[str]:
    """All tables but partitions, whose keys and references follow from their parent's."""
    partitions = {row["relname"] for row in await owner.fetch("SELECT c.relname FROM pg_class c WHERE c.relispartition")}
    return [table for table in await tables(owner) if table not in partitions]


async def columns(owner: asyncpg.Connection) -> dict[str, dict[str, Any]]:
    """Every table's columns: type, whether they may be null."""
    rows = await owner.fetch(
        "SELECT c.relname, a.attname, format_type(a.atttypid, a.atttypmod) AS type, NOT a.attnotnull AS nullable, a.attgenerated <> '' AS generated "
        "FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid "
        "WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition AND a.attnum > 0 AND NOT a.attisdropped ORDER BY 1, a.attnum"
    )
    found: dict[str, dict[str, Any]] = {}
    for row in rows:
        if row["relname"] not in FOREIGN:
            found.setdefault(row["relname"], {})[row["attname"]] = row
    return found


async def constraints(owner: asyncpg.Connection, kind: str) -> list[asyncpg.Record]:
    """Constraints of one kind (`p`, `f`, `c`, `u`) with their columns and definition."""
    return await owner.fetch(
        "SELECT c.conname AS name, t.relname AS table, r.relname AS target, pg_get_constraintdef(c.oid) AS definition, "
        "(SELECT array_agg(a.attname::text ORDER BY k.place) FROM unnest(c.conkey) WITH ORDINALITY AS k(number, place) JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = k.number) AS columns, "
        "(SELECT array_agg(a.attname::text ORDER BY k.place) FROM unnest(c.confkey) WITH ORDINALITY AS k(number, place) JOIN pg_attribute a ON a.attrelid = r.oid AND a.attnum = k.number) AS targets "
        "FROM pg_constraint c JOIN pg_class t ON t.oid = c.conrelid LEFT JOIN pg_class r ON r.oid = c.confrelid "
        "WHERE t.relnamespace = 'public'::regnamespace AND NOT t.relispartition AND c.contype::text = $1 ORDER BY 2, 1",
        kind,
    )


async def indexes(owner: asyncpg.Connection) -> list[asyncpg.Record]:
    """Indexes with their columns (null for an expression) and the condition under which they hold."""
    return await owner.fetch(
        "SELECT i.relname AS name, t.relname AS table, x.indisunique AS unique, m.amname AS method, pg_get_expr(x.indpred, x.indrelid) AS condition, "
        "(SELECT array_agg(a.attname::text ORDER BY k.place) FROM unnest(x.indkey) WITH ORDINALITY AS k(number, place) "
        " LEFT JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = k.number) AS columns "
        "FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid JOIN pg_class t ON t.oid = x.indrelid JOIN pg_am m ON m.oid = i.relam "
        "WHERE t.relnamespace = 'public'::regnamespace AND NOT t.relispartition ORDER BY 2, 1"
    )


def values_of(definition: str) -> set[str]:
    """The texts that a CHECK lets through: `CHECK (((kind)::text = ANY (…'ORDER'…)))`."""
    return set(re.findall(r"'([^']*)'::", definition))
