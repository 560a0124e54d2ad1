"""What names a certificate: its code, its number, and the file name of its PDF."""

from datetime import datetime

from lms_graph.kit.codes import normalize, random_code
from lms_graph.kit.secrets import new_code as random_letters
from lms_graph.kit.text import slugify
from lms_graph.kit.throttle import Bucket, Limit, network_of

__all__ = ["checks", "file_name", "new_code", "new_number", "normalize"]

CHECKS = Limit("certificate-code", at_once=60, every=1)  # wrong codes from one network, at whatever schools: pages about a code name none


def new_code() -> str:
    """A verification code: `7F3K9-QXM2P-…`, 100 random bits. Whoever has it may check the certificate."""
    return random_code()


def checks(address: str | None) -> Bucket:
    """What a look at a code takes from; a right one is given back."""
    return CHECKS.of(network_of(address))


def new_number(issued_at: datetime) -> str:
    """The number for people's files: the year and ten random letters.

    Not a running one: that would tell everybody how many certificates a school has issued, and would make every issue of a tenant wait for the one
    before it. Fifty bits, unique in the tenant by index; should two ever meet, the job comes again with another.
    """
    return f"{issued_at.year}-{random_letters(10)}"


def file_name(*, course_title: str, number: str) -> str:
    """Under which name a browser saves the PDF."""
    return f"{slugify(course_title)[:60].strip('-') or 'certificate'}-{number}.pdf"
