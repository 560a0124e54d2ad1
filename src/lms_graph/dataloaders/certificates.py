"""Loaders of certificates."""

from uuid import UUID

from lms_graph.dataloaders.loading import AreaLoaders, batch
from lms_graph.domain.certificates import queries
from lms_graph.domain.media import queries as media
from lms_graph.kit.pages import PageRequest
from lms_graph.types.certificates import Certificate, CertificateConnection


class CertificatesLoaders(AreaLoaders):
    @batch
    async def certificate(self, certificate_ids: list[UUID]) -> list[Certificate | None]:
        """The caller's own."""
        rows = await queries.certificates_by_ids(caller=self.caller, certificate_ids=certificate_ids)
        found = {row["id"]: Certificate.from_row(row, self.caller.now) for row in rows}
        return [found.get(id) for id in certificate_ids]

    @batch
    async def of_enrollment(self, enrollment_ids: list[UUID]) -> list[Certificate | None]:
        """The current certificate of each of the caller's own runs."""
        rows = await queries.current_of_enrollments(caller=self.caller, enrollment_ids=enrollment_ids)
        found = {row["subject_id"]: Certificate.from_row(row, self.caller.now) for row in rows}
        return [found.get(id) for id in enrollment_ids]

    @batch
    async def of_learner(self, requests: list[PageRequest]) -> list[CertificateConnection]:
        """The caller's own: a page a request."""
        pages = [await queries.page_of_learner(caller=self.caller, request=request, cursors=self.adapters.cursors) for request in requests]
        return [CertificateConnection.of(page, lambda row: Certificate.from_row(row, self.caller.now), lambda: queries.count_of_learner(caller=self.caller)) for page in pages]

    @batch
    async def pdf(self, file_ids: list[UUID]) -> list[media.StoredFile | None]:
        """The file of a PDF. Whoever holds the certificate may see it."""
        found = {file.id: file for file in await media.files_by_ids(caller=self.caller, file_ids=file_ids)}
        return [found.get(id) for id in file_ids]
