"""Colors that can be read: whatever a school's own is, words in it and on it must be."""

_BLACK, _WHITE = "#000000", "#ffffff"
_ENOUGH = 4.5  # WCAG 2.2, 1.4.3


def on(color: str) -> str:
    """White or black: whichever is read better on this color."""
    return max((_WHITE, _BLACK), key=lambda ink: contrast(ink, color))


def ink(color: str) -> str:
    """The color, darkened until it can be read on white."""
    parts = _parts(color)
    for step in range(100, -1, -2):
        shade = "#" + "".join(f"{part * step // 100:02x}" for part in parts)
        if contrast(shade, _WHITE) >= _ENOUGH:
            return shade
    raise AssertionError("black can be read on white")


def contrast(one: str, other: str) -> float:
    """From 1 (the same) to 21 (black and white), as WCAG counts."""
    darker, lighter = sorted((_luminance(one), _luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(color: str) -> float:
    red, green, blue = (part / 255 / 12.92 if part <= 10 else ((part / 255 + 0.055) / 1.055) ** 2.4 for part in _parts(color))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _parts(color: str) -> tuple[int, ...]:
    return tuple(bytes.fromhex(color.removeprefix("#")))
