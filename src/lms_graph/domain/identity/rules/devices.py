"""What a device is taken for: the kind of client, and the network it comes from."""

import re
from datetime import timedelta

KNOWN_FOR = timedelta(days=90)

_VERSION = re.compile(r"\d[\w.]*")


def agent_of(user_agent: str | None) -> str:
    """The kind of client behind a user agent, up to 200 characters: what is left without versions, so that an update does not make a new device."""
    return " ".join(_VERSION.sub("", user_agent or "").split())[:200]
