"""What a tenant may say of itself, and what the platform sets of it."""

import re
from collections.abc import Collection, Iterator
from decimal import Decimal
from functools import lru_cache
from typing import Any, TypedDict
from uuid import UUID

from babel import Locale, UnknownLocaleError
from babel.core import get_global

from lms_graph.domain.tenancy.rules.hosts import clean_host, host_of, problem_with_host
from lms_graph.domain.tenancy.rules.origins import clean_origin, issues_with_origins
from lms_graph.kit import money
from lms_graph.kit.errors import Invalid, Issue
from lms_graph.kit.text import MAX_EMAIL, is_email, is_one_line

MAX_NAME, MAX_FROM_NAME, MAX_SLUG, MAX_REFUND_DAYS, MAX_BPS = 200, 100, 63, 365, 10_000

_COLOR = re.compile(r"#[0-9a-f]{6}")
_SLUG = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
_STOREFRONT = re.compile(r"https?://[a-z0-9.-]+(?::[1-9][0-9]{0,4})?")
_TAG = re.compile(r"[A-Za-z]{2,3}(?:-[A-Za-z]{4})?(?:-(?:[A-Za-z]{2}|[0-9]{3}))?")

# Slugs can become names below the platform's own: none that people take for the platform, or that mail and the web give a meaning.
RESERVED_SLUGS = frozenset(
    "about abuse account accounts admin administrator api app apps assets auth autoconfig autodiscover billing blog cdn certificates checkout console dashboard docs download ftp graphql "
    "help host hostmaster imap info internal issuers keys localhost login logout mail media news noc ns ns1 ns2 oauth pay payments platform pop postmaster public root security settings shop "
    "signin signup smtp sso static status store support system tenant tenants test verify web webmail webmaster webhook webhooks wpad www".split()
)


LEADING = frozenset({"storefront_url", "mail_from"})  # where links in mails lead, and from where mails come


class TenantChanges(TypedDict, total=False):
    """What is to change of a tenant, by its columns' names; what is not there stays as it is."""

    name: str
    primary_color: str
    locale: str
    currency: str
    support_email: str | None
    logo_file_id: UUID | None
    refund_days: int
    refund_max_progress_percent: int
    is_refund_automatic: bool
    is_access_suspended_by_dispute: bool
    storefront_url: str | None
    from_name: str | None
    mail_from: str | None
    is_introspection_open: bool
    is_explorer_served: bool
    allowed_origins: list[str]


def clean_changes(changes: TenantChanges) -> TenantChanges:
    """As they are kept: without spaces around; origins as browsers spell them, each once; tags and codes in their usual case."""
    clean = changes.copy()
    if "name" in clean:
        clean["name"] = clean["name"].strip()
    if "primary_color" in clean:
        clean["primary_color"] = clean["primary_color"].strip().lower()
    if "support_email" in clean:
        clean["support_email"] = (clean["support_email"] or "").strip() or None
    if "locale" in clean:
        clean["locale"] = clean_locale(clean["locale"]) or clean["locale"].strip()
    if "currency" in clean:
        clean["currency"] = clean["currency"].strip().upper()
    if "storefront_url" in clean:
        clean["storefront_url"] = clean_origin((clean["storefront_url"] or "").strip().removesuffix("/")) or None
    if "from_name" in clean:
        clean["from_name"] = (clean["from_name"] or "").strip() or None
    if "mail_from" in clean:
        clean["mail_from"] = (clean["mail_from"] or "").strip() or None
    if "allowed_origins" in clean:
        clean["allowed_origins"] = list(dict.fromkeys(clean_origin(origin) for origin in clean["allowed_origins"]))
    return clean


def issues_with_changes(changes: TenantChanges, *, own_host: str = "") -> Iterator[Issue]:
    """Everything that is wrong with them. Takes them as they were sent, so that an issue's path says which origin. `own_host` is the platform's."""
    clean = clean_changes(changes)
    if "name" in clean and not (0 < len(clean["name"]) <= MAX_NAME and is_one_line(clean["name"])):
        yield Issue(f"A name is one line of 1 to {MAX_NAME} characters.", ("name",))
    if "primary_color" in clean and not _COLOR.fullmatch(clean["primary_color"]):
        yield Issue("A color is written as `#rrggbb`, such as `#1f6f5c`.", ("primaryColor",))
    if (email := clean.get("support_email")) and not is_email(email):
        yield Issue(f"This is not an e-mail address such as `help@school.example`, of at most {MAX_EMAIL} characters.", ("supportEmail",))
    if "locale" in clean and clean_locale(clean["locale"]) is None:
        yield Issue("A locale is a language tag (BCP 47) of a language that pages can be written in, such as `en`, `pt-BR` or `zh-Hant-TW`; no extensions.", ("locale",))
    if "currency" in clean and clean["currency"] not in currencies():
        yield Issue("A currency is the ISO 4217 code of money that is in use, such as `EUR`.", ("currency",))
    if not 0 <= clean.get("refund_days", 0) <= MAX_REFUND_DAYS:
        yield Issue(f"From 0 to {MAX_REFUND_DAYS} days.", ("refundPolicy", "days"))
    if not 0 <= clean.get("refund_max_progress_percent", 0) <= 100:
        yield Issue("From 0 to 100 percent.", ("refundPolicy", "maxProgressPercent"))
    if (url := clean.get("storefront_url")) and not _STOREFRONT.fullmatch(url):
        yield Issue("A storefront's address is `https://` and a host, with nothing after it.", ("storefrontUrl",))
    yield from _issues_with_sender(clean, own_host)
    yield from issues_with_origins(changes.get("allowed_origins", []))


def _issues_with_sender(clean: TenantChanges, own_host: str) -> Iterator[Issue]:
    name, address = clean.get("from_name"), clean.get("mail_from")
    if name and not (len(name) <= MAX_FROM_NAME and is_one_line(name)):
        yield Issue(f"A sender's name is one line of at most {MAX_FROM_NAME} characters.", ("mail", "fromName"))
    if address and not (is_email(address) and address.isascii()):
        yield Issue(f"This is not an e-mail address in ASCII such as `courses@school.example`, of at most {MAX_EMAIL} characters.", ("mail", "from"))
    elif address and (problem := problem_with_host(mail_host(address), own_host=own_host)):
        yield Issue(problem, ("mail", "from"))


def mail_host(address: str) -> str | None:
    """The domain of an address, as DNS spells it."""
    return clean_host(address.rpartition("@")[2])


def may_be_storefront(url: str, *, hosts: Collection[str], own_url: str) -> bool:
    """Whether links in mails may lead there: a page of one of the tenant's verified hosts, or of the platform's own address."""
    return url == clean_origin(own_url) or (url.startswith("https://") and host_of(url) in hosts)


def clean_locale(tag: str) -> str | None:
    """A language tag in its usual spelling, with the script where it takes one to tell; None for what is none, or of a language nobody here knows."""
    tag = tag.strip()
    if not _TAG.fullmatch(tag):
        return None
    try:
        known = Locale.parse(tag.lower(), sep="-")
    except (UnknownLocaleError, ValueError):
        return None
    if known.language != tag.partition("-")[0].lower():
        return None
    return "-".join(part for part in (known.language, known.script, known.territory) if part)


@lru_cache
def currencies() -> frozenset[str]:
    """The codes of money that is in use somewhere."""
    used: dict[str, list[tuple[str, Any, Any, bool]]] = get_global("territory_currencies")  # type: ignore[assignment]
    return frozenset(code for uses in used.values() for code, _, until, is_tender in uses if is_tender and until is None)


def issues_with_new(*, slug: str, is_platform: bool = False) -> Iterator[Issue]:
    """Everything that is wrong with a new tenant's slug."""
    if not (2 <= len(slug) <= MAX_SLUG and _SLUG.fullmatch(slug)):
        yield Issue(f"A slug is made of lower-case letters, digits and single hyphens between them, from 2 to {MAX_SLUG} characters.", ("slug",))
    elif slug in RESERVED_SLUGS and not is_platform:
        yield Issue("This slug is the platform's own. Choose another.", ("slug",))


def basis_points(percent: Decimal) -> int:
    """A fee as it is kept. Raises Invalid."""
    try:
        return money.to_parts(percent, money.WHOLE_BPS)
    except ValueError:
        raise Invalid(Issue("A fee is from 0 to 100 percent, with at most two decimals.", ("platformFeePercent",))) from None


def percent(bps: int) -> Decimal:
    """A fee as it is told: always with two decimals."""
    return Decimal(bps).scaleb(-2)
