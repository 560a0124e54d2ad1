"""OpenID providers: what they say of themselves, and their keys, kept in this process."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import orjson
import structlog

from lms_graph.domain.identity.ports import Discovery, VerifyingKey
from lms_graph.domain.identity.rules.tokens import verifying_keys
from lms_graph.kit.outbound import NotAnswered, OutboundHttp

KEYS_SECONDS = 600.0  # a key that the provider has taken back is believed for so long
UNKNOWN_SECONDS = 60.0  # whoever makes up key ids cannot make us ask more often
FAILED_SECONDS = 30.0  # after a failure nobody waits for another one
STALE_SECONDS = 86_400.0  # a provider that is away does not lock its school out for so long
MAX_PROVIDERS = 2_000

log = structlog.get_logger(__name__)


class _Kept:
    """The keys of one provider, and when it was asked."""

    def __init__(self) -> None:
        self.keys: list[VerifyingKey] = []
        self.came_at: float | None = None
        self.asked_at = -UNKNOWN_SECONDS
        self.failure: NotAnswered | None = None
        self.asking: asyncio.Task[None] | None = None


class OpenIdClient:
    """Fulfills OpenIdProviders. However many want a provider's keys, it is asked once."""

    def __init__(self, http: OutboundHttp, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._http = http
        self._clock = clock
        self._kept: OrderedDict[str, _Kept] = OrderedDict()

    async def discovery(self, issuer: str) -> Discovery:
        said = await self._json(f"{issuer.rstrip('/')}/.well-known/openid-configuration")
        if not isinstance(said, dict) or said.get("issuer") != issuer:
            raise NotAnswered("Its `/.well-known/openid-configuration` speaks for another issuer: give the `issuer` that stands there, letter by letter.")
        jwks_url, authorization_url, token_url = (said.get(name) for name in ("jwks_uri", "authorization_endpoint", "token_endpoint"))
        if not isinstance(jwks_url, str):
            raise NotAnswered("Its `/.well-known/openid-configuration` names no `jwks_uri`.")
        return Discovery(issuer, jwks_url, authorization_url if isinstance(authorization_url, str) else None, token_url if isinstance(token_url, str) else None)

    async def fresh_keys(self, jwks_url: str) -> list[VerifyingKey]:
        keys = await self._fetch(jwks_url)
        kept = self._of(jwks_url)
        kept.keys, kept.failure = keys, None
        kept.came_at = kept.asked_at = self._clock()
        return keys

    async def keys(self, jwks_url: str, kid: str | None) -> list[VerifyingKey]:
        kept = self._of(jwks_url)
        if self._lacks(kept, kid):
            if kept.asking is None and self._may_ask(kept):
                kept.asking = asyncio.create_task(self._renew(jwks_url, kept), name="keys")
            if kept.asking:
                await asyncio.shield(kept.asking)  # one who goes away takes nothing from the others
        if kept.came_at is None or self._clock() - kept.came_at > STALE_SECONDS:
            raise kept.failure or NotAnswered("The provider's keys could not be read.")
        return kept.keys

    def _lacks(self, kept: _Kept, kid: str | None) -> bool:
        """Whether the provider should be asked for what is kept does not do."""
        return self._is_old(kept) or (kid is not None and all(key.kid != kid for key in kept.keys))

    def _may_ask(self, kept: _Kept) -> bool:
        since = self._clock() - kept.asked_at
        if kept.failure:
            return since >= FAILED_SECONDS
        return self._is_old(kept) or since >= UNKNOWN_SECONDS

    def _is_old(self, kept: _Kept) -> bool:
        return kept.came_at is None or self._clock() - kept.came_at > KEYS_SECONDS

    async def _renew(self, jwks_url: str, kept: _Kept) -> None:
        kept.asked_at = self._clock()
        try:
            kept.keys, kept.failure = await self._fetch(jwks_url), None
            kept.came_at = self._clock()
        except NotAnswered as failure:
            log.warning("openid.no_keys", why=str(failure))
            kept.failure = failure
        finally:
            kept.asking = None

    async def _fetch(self, jwks_url: str) -> list[VerifyingKey]:
        keys = verifying_keys(await self._json(jwks_url))
        if not keys:
            raise NotAnswered("There is no key that could verify: RSA of at least 2048 bits, P-256, P-384 or Ed25519, for signatures.")
        return keys

    async def _json(self, url: str) -> Any:
        answer = await self._http.send("GET", url, headers={"Accept": "application/json"})
        if answer.status != 200:
            raise NotAnswered(f"The answer has status {answer.status}, and 200 was expected. Redirects are not followed.")
        try:
            return orjson.loads(answer.body)
        except ValueError:
            raise NotAnswered("The answer is not JSON.") from None

    def _of(self, jwks_url: str) -> _Kept:
        kept = self._kept.setdefault(jwks_url, _Kept())
        self._kept.move_to_end(jwks_url)
        if len(self._kept) > MAX_PROVIDERS:
            self._kept.popitem(last=False)
        return kept
