"""PDFs as bytes."""

import re
from datetime import UTC, datetime


def dated(pdf: bytes, at: datetime) -> bytes:
    """The PDF as if it had been printed at this time: printed twice it is the same to the byte, so that a repeat overwrites one object.

    The browser writes the present second into it, always in as many letters; nothing else in it differs.
    """
    stamp = at.astimezone(UTC).strftime("D:%Y%m%d%H%M%S+00'00'").encode()
    return re.sub(rb"/(CreationDate|ModDate) \(D:\d{14}[+-]\d\d'\d\d'\)", rb"/\1 (" + stamp + rb")", pdf)
