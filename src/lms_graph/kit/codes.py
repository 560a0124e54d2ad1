"""Codes that people type: 100 random bits in groups of five, read however they are spelled."""

from lms_graph.kit.ids import ALPHABET
from lms_graph.kit.secrets import new_code

LETTERS = 20  # 100 bits
GROUP = 5
_MISREAD = str.maketrans("OIL", "011")  # the letters that base 32 leaves out because they look like these


def random_code() -> str:
    """`7F3K9-QXM2P-…`."""
    return _grouped(new_code(LETTERS))


def normalize(text: str) -> str | None:
    """The code that somebody meant: letter case, spaces and hyphens do not count, nor O for 0 and I or L for 1. None when it is none."""
    if len(text) > 100:
        return None
    letters = "".join(letter for letter in text.upper() if letter.isalnum()).translate(_MISREAD)
    if len(letters) != LETTERS or any(letter not in ALPHABET.upper() for letter in letters):
        return None
    return _grouped(letters)


def _grouped(letters: str) -> str:
    return "-".join(letters[start : start + GROUP] for start in range(0, LETTERS, GROUP))
