"""Moments as the API takes them."""

from datetime import UTC, datetime

import strawberry
from graphql import GraphQLError

# What asyncpg writes as -infinity and infinity.
_ENDS_OF_TIME = (datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC))


def _parse(text: object) -> datetime:
    try:
        moment = datetime.fromisoformat(str(text))
        if moment.tzinfo is not None and (utc := moment.astimezone(UTC)) not in _ENDS_OF_TIME:
            return utc
    except (ValueError, OverflowError):
        pass
    raise GraphQLError(f"{str(text)[:40]!r} is no DateTime: write RFC 3339 with a zone, such as 2026-11-23T09:30:00Z.")


DATE_TIME = strawberry.scalar(name="DateTime", description="A moment: RFC 3339 with a zone, such as `2026-11-23T09:30:00Z`.", serialize=datetime.isoformat, parse_value=_parse)
