"""Asks DNS with dnspython: the resolvers it is given, in turn, or the machine's own."""

from collections.abc import Collection, Sequence

import dns.asyncresolver
import dns.exception
import dns.nameserver
import dns.rdatatype
import dns.resolver

from lms_graph.kit.errors import Unavailable

MOST_RECORDS = 100
MOST_BYTES = 1000  # of one record: a proof has 50


class DnsPython:
    """A `Dns`. `servers` are addresses with ports; nothing is kept between two questions, so that a record that was set is seen as soon as its DNS shows it."""

    def __init__(self, servers: Sequence[tuple[str, int]] = (), *, timeout: float = 2.0, lifetime: float = 6.0) -> None:
        """A server that is silent for `timeout` seconds is passed over; after `lifetime` seconds nobody is asked any more."""
        self._servers = servers
        self._timeout = timeout
        self._lifetime = lifetime
        self._resolver: dns.asyncresolver.Resolver | None = None

    async def texts(self, name: str) -> Collection[str]:
        """At most 100 of at most 1,000 bytes; others are left out. Aliases (CNAME) are followed."""
        try:
            answer = await self._ready().resolve(f"{name}.", dns.rdatatype.TXT, search=False, raise_on_no_answer=False)
        except dns.resolver.NXDOMAIN:
            return ()
        except (dns.exception.DNSException, OSError, EOFError, ValueError) as error:
            raise Unavailable("DNS does not answer for this name, or not with sense. Look at the domain's name servers, and try again later.") from error
        records = [b"".join(record.strings) for record in answer.rrset or ()]
        return tuple(body.decode("utf-8", "replace") for body in records[:MOST_RECORDS] if len(body) <= MOST_BYTES)

    def _ready(self) -> dns.asyncresolver.Resolver:
        """Made when it is first needed: a machine without resolvers can serve all else."""
        if self._resolver is None:
            resolver = dns.asyncresolver.Resolver(configure=not self._servers)
            if self._servers:
                resolver.nameservers = [dns.nameserver.Do53Nameserver(address, port) for address, port in self._servers]
            resolver.timeout, resolver.lifetime = self._timeout, self._lifetime
            self._resolver = resolver
        return self._resolver
