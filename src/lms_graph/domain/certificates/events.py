"""Facts about certificates. They stand in the sequence of their run, where whoever watches the run finds them."""

from dataclasses import dataclass
from uuid import UUID

from lms_graph.kit.facts import Event


@dataclass(frozen=True, kw_only=True)
class CertificateIssued(Event, about="enrollment_id"):
    certificate_id: UUID
    enrollment_id: UUID


@dataclass(frozen=True, kw_only=True)
class CertificateReady(Event, about="enrollment_id"):
    """Its PDF is printed."""

    certificate_id: UUID
    enrollment_id: UUID


CHANGES = frozenset({CertificateIssued.name, CertificateReady.name})
