"""Who a token names is looked up once in a few seconds, however many requests it sends; and anew as soon as anything happens to what was found."""

import time
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from lms_graph.domain.tenancy.queries import identification as tenancy
from lms_graph.domain.tenancy.queries.identification import Identified

KEEP_SECONDS = 5.0
MOST = 10_000

_Key = tuple[str | None, str | None, bytes | None, bytes | None]


@dataclass(eq=False)
class _LookUp:
    """One that is under way: what happens meanwhile may be older or newer than what it finds."""

    happened: set[UUID] = field(default_factory=set)
    is_void: bool = False


class Known:
    """Keeps what `tenancy.identify` found, in this process, for five seconds at most. What it did not find is not kept.

    `happened` is told the aggregates of facts: by this process as it commits them, and by all others over the live bus. Of a session, an account, a key, a domain or a tenant that is among them, nothing is
    kept. Where no message comes through, the five seconds bound how long an ended session goes on.
    """

    def __init__(self, *, most: int = MOST, clock: Callable[[], float] = time.monotonic) -> None:
        self._most = most
        self._clock = clock
        self._kept: OrderedDict[_Key, tuple[float, Identified]] = OrderedDict()
        self._about: defaultdict[UUID, set[_Key]] = defaultdict(set)
        self._under_way: set[_LookUp] = set()

    async def identify(self, *, host: str | None, slug: str | None, token_hash: bytes | None, now: datetime, key_hash: bytes | None = None) -> Identified:
        """As `tenancy.identify`."""
        key = (host, slug, token_hash, key_hash)
        if (kept := self._kept.get(key)) is not None:
            until, found = kept
            if self._clock() < until and all(end > now for end in _ends(found)):
                return found
            self._drop(key)
        look_up = _LookUp()
        self._under_way.add(look_up)
        try:
            found = await tenancy.identify(host=host, slug=slug, token_hash=token_hash, now=now, key_hash=key_hash)
        finally:
            self._under_way.discard(look_up)
        if _is_whole(found, token_hash, key_hash) and not look_up.is_void and look_up.happened.isdisjoint(_subjects(found)):
            self._keep(key, found)
        return found

    def happened(self, aggregates: Collection[UUID]) -> None:
        """Forget what was found about these."""
        for look_up in self._under_way:
            look_up.happened.update(aggregates)
        for id in aggregates:
            for key in list(self._about.get(id, ())):
                self._drop(key)

    def forget(self) -> None:
        """Keep nothing: who knows what has happened."""
        for look_up in self._under_way:
            look_up.is_void = True
        self._kept.clear()
        self._about.clear()

    def _keep(self, key: _Key, found: Identified) -> None:
        self._drop(key)
        self._kept[key] = (self._clock() + KEEP_SECONDS, found)
        for id in _subjects(found):
            self._about[id].add(key)
        if len(self._kept) > self._most:
            self._drop(next(iter(self._kept)))

    def _drop(self, key: _Key) -> None:
        kept = self._kept.pop(key, None)
        if kept is None:
            return
        for id in _subjects(kept[1]):
            keys = self._about[id]
            keys.discard(key)
            if not keys:
                del self._about[id]


def _subjects(found: Identified) -> set[UUID]:
    """Whatever changes something about one of these may change what was found."""
    key = (found.key.tenant_id, found.key.id, found.key.maker_id) if found.key else ()
    ids = (found.tenant_id, found.domain_id, found.session_tenant_id, found.session_id, found.opener_id, found.account_id, found.impersonator_id, *key)
    return {id for id in ids if id is not None}


def _ends(found: Identified) -> Iterator[datetime]:
    for end in (found.token_expires_at, found.key.expires_at if found.key else None):
        if end is not None:
            yield end


def _is_whole(found: Identified, token_hash: bytes | None, key_hash: bytes | None) -> bool:
    """Whether everything that was asked for was found: a domain that is proved, or a token or key that is made, is good at once."""
    return found.api is not None and (token_hash is None or found.account_id is not None) and (key_hash is None or found.key is not None)
