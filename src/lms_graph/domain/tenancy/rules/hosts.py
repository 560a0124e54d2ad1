"""What a host name must be to be a tenant's, and the DNS records that a tenant sets for it."""

import ipaddress
import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

import idna

CHALLENGE = "_lms-graph-challenge"
MAX_HOST = 253 - len(f"{CHALLENGE}.")
MAX_DOMAINS = 20

# Names that no public DNS answers for, and second levels below which countries sell names: nobody can own one as a whole.
_PRIVATE = frozenset("localhost local internal intranet private lan home corp invalid onion arpa".split())
_SOLD_BELOW = frozenset("ac co com edu go gob gov gouv mil ne net nom or org sch".split())
_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")


@dataclass(frozen=True)
class DnsRecord:
    """A record as it is entered at whoever runs the domain's DNS."""

    type: Literal["TXT", "CNAME", "A", "AAAA"]
    name: str
    value: str


@dataclass(frozen=True)
class MailRecords:
    """What the deployment's mail service wants in the DNS of whoever sends through it: an SPF mechanism, and DKIM selectors with the names they stand for."""

    spf: str | None = None
    dkim: tuple[tuple[str, str], ...] = ()


def host_of(url: str) -> str:
    """The host of an address, without its port."""
    return urlsplit(url).hostname or ""


def clean_host(text: str) -> str | None:
    """A host name as it is kept: lower case, in ASCII as DNS spells it, without the root's dot. None for what is no host name."""
    text = text.strip()
    if len(text) > 4 * MAX_HOST:
        return None
    try:
        host = idna.encode(text.removesuffix("."), uts46=True, std3_rules=True).decode()
    except (idna.IDNAError, UnicodeError):
        return None
    return host if all(_LABEL.fullmatch(label) for label in host.split(".")) else None


def problem_with_host(host: str | None, *, own_host: str) -> str | None:
    """Why a cleaned host cannot be a tenant's, in a sentence; None where it can. `own_host` is the platform's."""
    if host is None:
        return "This is no host name such as `learn.school.example`: no scheme, port, path, wildcard or underscore."
    labels = host.split(".")
    if len(host) > MAX_HOST:
        return f"A host name has at most {MAX_HOST} characters in ASCII."
    if len(labels) < 2 or labels[-1] in _PRIVATE or labels[-1][0].isdigit():
        return "This must be a name in public DNS, such as `learn.school.example`; no address and no name of a private network."
    if len(labels) == 2 and len(labels[1]) == 2 and labels[0] in _SOLD_BELOW:
        return "Names are sold below this one: it is nobody's as a whole. Give the school's own."
    if own_host and (host == own_host or host.endswith(f".{own_host}")):
        return "This is a name of the platform's own. Ask the platform for it."
    return None


def proof(token: str) -> str:
    """The text that proves a host, for its token."""
    return f"lms-graph={token}"


def challenge_name(host: str) -> str:
    """Where the text is looked for."""
    return f"{CHALLENGE}.{host}"


def is_proven(texts: Collection[str], token: str) -> bool:
    """Whether one of the texts is the proof; white space around it, which some DNS editors add, does not count."""
    return proof(token) in {text.strip() for text in texts}


def records_of_host(host: str, token: str | None, *, own_host: str) -> list[DnsRecord]:
    """The proof, where one is asked for, and the way to the platform."""
    return [*_challenge(host, token), _pointing(host, own_host)]


def records_of_mail(host: str, token: str | None, records: MailRecords) -> list[DnsRecord]:
    """The proof, and what the mail service wants."""
    spf = [DnsRecord("TXT", host, f"v=spf1 {records.spf} ~all")] if records.spf else []
    return [*_challenge(host, token), *spf, *(DnsRecord("CNAME", f"{selector}._domainkey.{host}", target) for selector, target in records.dkim)]


def _challenge(host: str, token: str | None) -> list[DnsRecord]:
    return [DnsRecord("TXT", challenge_name(host), proof(token))] if token else []


def _pointing(host: str, own_host: str) -> DnsRecord:
    try:
        return DnsRecord("A" if ipaddress.ip_address(own_host).version == 4 else "AAAA", host, own_host)
    except ValueError:
        return DnsRecord("CNAME", host, own_host)
