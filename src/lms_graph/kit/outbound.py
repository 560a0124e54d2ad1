"""Asking an address that somebody else gave: the port. Whoever fulfills it lets nothing through to our own network (docs/decisions/0023)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol


class NotAnswered(Exception):
    """Nothing came that could be used. The message says why, in words that may be told to whoever gave the address."""


class AddressRefused(NotAnswered):
    """The address is none that is asked: nothing was sent there."""


@dataclass(frozen=True)
class Answer:
    """What came back, whatever the status. Names of headers are in lower case."""

    status: int
    body: bytes = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)


class OutboundHttp(Protocol):
    async def send(self, method: str, url: str, *, headers: Mapping[str, str] | None = None, body: bytes | None = None) -> Answer:
        """One request, never redirected. Raises AddressRefused for an address that is none, or leads to a network that is not public; NotAnswered when it is silent, slow or says too much."""
        ...
