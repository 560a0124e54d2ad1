"""One-time passwords (RFC 6238: SHA-1, six digits, 30 seconds, as all authenticator apps have it) and recovery codes."""

import hmac
from datetime import datetime, timedelta

import pyotp

from lms_graph.kit.ids import ALPHABET
from lms_graph.kit.secrets import new_code

STEP_SECONDS = 30
WINDOW = 1  # steps before and after the present one: clocks go wrong, and people type slowly
SECRET_BYTES = 20
ENROLLMENT_LIFE = timedelta(hours=1)  # between the QR code and the first code

TOKEN_LIFE = timedelta(minutes=5)
MAX_TRIES = 5

RECOVERY_CODES = 10
_LETTERS, _GROUP = 16, 4  # 80 bits: far more than can be tried, so that a plain SHA-256 is enough to keep, and short enough to write down
_MISREAD = str.maketrans("OIL", "011")  # the letters that base 32 leaves out because they look like these

PRESENCE = timedelta(minutes=10)  # how long a sign-in counts as a proof for an account without a password


def matching_step(secret: str, code: str, *, now: datetime, after: int | None) -> int | None:
    """The time step whose code this is, within the window and later than the step `after`, which was the last one used. All are compared, whichever fits."""
    present = int(now.timestamp()) // STEP_SECONDS
    digits = "".join(code.split())
    hotp, found = pyotp.HOTP(secret), None
    for step in range(present - WINDOW, present + WINDOW + 1):
        fits = hmac.compare_digest(hotp.at(step).encode(), digits.encode("utf-8", "surrogatepass"))
        if fits and (after is None or step > after):
            found = step
    return found


def otpauth_url(secret: str, *, account: str, issuer: str) -> str:
    """What the QR code says (the key URI format of Google Authenticator, which others read too)."""
    return pyotp.TOTP(secret).provisioning_uri(name=account, issuer_name=issuer)


def new_recovery_code() -> str:
    """`7F3K-9QXM-2PAB-C4DE`: 80 random bits."""
    letters = new_code(_LETTERS)
    return "-".join(letters[start : start + _GROUP] for start in range(0, _LETTERS, _GROUP))


def normal_recovery_code(text: str) -> str | None:
    """The code that somebody meant: letter case, spaces and hyphens do not count, nor O for 0 and I or L for 1. None when it is none."""
    if len(text) > 100:
        return None
    letters = "".join(letter for letter in text.upper() if letter.isalnum()).translate(_MISREAD)
    if len(letters) != _LETTERS or any(letter not in ALPHABET.upper() for letter in letters):
        return None
    return "-".join(letters[start : start + _GROUP] for start in range(0, _LETTERS, _GROUP))
