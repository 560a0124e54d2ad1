"""What a live stream of a run says of its certificate."""

from lms_graph.domain.certificates.events import CHANGES
from lms_graph.domain.learning.queries import live


def test_the_certificates_words_are_the_ones_it_records() -> None:
    """Certificates stands above learning, which may not import it: this holds the two lists together."""
    assert set(CHANGES) == live._CERTIFICATE
