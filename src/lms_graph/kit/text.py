"""Text: Markdown to safe HTML, slugs, and keys for comparing e-mail addresses."""

import re
import unicodedata
from dataclasses import dataclass

import nh3
from markdown_it import MarkdownIt

SANITIZER = 1  # stored with the HTML: raise it when the rules change, and old rows can be made anew

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


def is_storable(text: str) -> bool:
    """Whether PostgreSQL can hold it: no NUL, no half surrogates (JSON can carry both)."""
    return "\0" not in text and not any("\ud800" <= letter <= "\udfff" for letter in text)
