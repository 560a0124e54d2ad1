"""What people wrote, made harmless for a mail: one line where it must be one, of a bounded length, and nothing in it that a mail program makes a link of.

Anybody may sign up under any name with anybody's address: what a name says must not become an advertisement in our mail to that person.
"""

import re
import unicodedata

MAX_NAME, MAX_QUOTE = 80, 2_000

_INVISIBLE = ("Cf", "Cs")
_KEPT = "\u200c\u200d"  # joiners inside Persian words and Indic letters
_JOINER = "\u2060"  # word joiner: nothing to see, and no part of any address
_LINKED = re.compile(r"(?<=\S)([.@:/。．｡])(?=\S)")


def one_line(text: str, limit: int = MAX_NAME) -> str:
    """Without control and invisible characters, line breaks and runs of spaces; cut with an ellipsis where it is too long."""
    seen = (letter for letter in text if letter in _KEPT or unicodedata.category(letter) not in _INVISIBLE)
    shown = "".join(" " if unicodedata.category(letter) in ("Cc", "Zl", "Zp") else letter for letter in seen)
    line = " ".join(shown.split())
    return line if len(line) <= limit else _whole_words(line[:limit]) + "…"


def _whole_words(cut: str) -> str:
    """Without the last word, which was cut, unless that is most of it."""
    words = cut.rpartition(" ")[0]
    return words if len(words) > len(cut) // 2 else cut[:-1].rstrip()


def unlinked(text: str) -> str:
    """The same to the eye, but no mail program takes any of it for an address: those have dots, slashes, colons or an at sign between letters."""
    return _LINKED.sub(rf"{_JOINER}\1{_JOINER}", text)


def name(text: str) -> str:
    """A name, in a subject or in the body."""
    return unlinked(one_line(text))


def quote(text: str) -> str:
    """What somebody wrote in several lines: at most so many characters, with no more than one empty line in a row."""
    lines = [one_line(line, MAX_QUOTE) for line in text[:MAX_QUOTE].splitlines()]
    shown = re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()
    return unlinked(shown + ("…" if len(text) > MAX_QUOTE else ""))
