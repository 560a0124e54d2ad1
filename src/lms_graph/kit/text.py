"""Text: Markdown to safe HTML, slugs, what a line and an e-mail address are, and keys for comparing addresses."""

import re
import unicodedata
from dataclasses import dataclass

import nh3
from markdown_it import MarkdownIt

SANITIZER = 1  # stored with the HTML: raise it when the rules change, and old rows can be made anew

MAX_EMAIL = 254

_LOCAL = re.compile(r"""[^\s@"(),:;<>\[\]\\]{1,64}""")
_LABEL = re.compile(r"[^\W_](?:(?:[^\W_]|-){0,61}[^\W_])?")
_BIDI_OVERRIDES = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")

_markdown = MarkdownIt("commonmark", {"html": False, "linkify": False}).enable(["table", "strikethrough"])


@dataclass(frozen=True)
class Rendered:
    """Markdown as it was written and the safe HTML made of it."""

    markdown: str
    html: str


def render_markdown(markdown: str) -> Rendered:
    """CommonMark with tables. Raw HTML is shown as text; what is left is sanitized; links carry `rel="noopener noreferrer nofollow"`."""
    html = nh3.clean(_markdown.render(markdown), link_rel="noopener noreferrer nofollow", url_schemes={"http", "https", "mailto"})
    return Rendered(markdown, html)


def pictures(markdown: str) -> list[str]:
    """The addresses of all pictures in a Markdown text, however they are written."""
    inline = [child for token in _markdown.parse(markdown) for child in token.children or ()]
    return [str(token.attrs["src"]) for token in inline if token.type == "image"]


def slugify(text: str) -> str:
    """ASCII letters, digits and single hyphens; empty when nothing of the text can be kept."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")


def email_key(email: str) -> str:
    """The form in which addresses are compared and kept unique."""
    return unicodedata.normalize("NFKC", email).strip().casefold()


_UNSTORABLE = re.compile("[\0\ud800-\udfff]")


def is_storable(text: str) -> bool:
    """Whether PostgreSQL can hold it: no NUL, no half surrogates (JSON can carry both)."""
    return "\0" not in text if text.isascii() else not _UNSTORABLE.search(text)


def is_one_line(text: str) -> bool:
    """No line breaks, control characters, half surrogates or characters that turn the direction of the text around them."""
    return not any(unicodedata.category(letter) in ("Cc", "Cs", "Zl", "Zp") or letter in _BIDI_OVERRIDES for letter in text)


def is_email(text: str) -> bool:
    """Whether it can be an e-mail address, such as `ada@example.com`, as it is and in the form for comparing."""
    local, _, domain = text.rpartition("@")
    labels = domain.split(".")
    return (
        len(email_key(text)) <= MAX_EMAIL
        and len(text) <= MAX_EMAIL
        and is_one_line(text)
        and _LOCAL.fullmatch(local) is not None
        and all(local.split("."))
        and len(labels) > 1
        and all(_LABEL.fullmatch(label) for label in labels)
    )
