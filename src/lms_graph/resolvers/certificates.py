"""Root fields about certificates."""

from collections.abc import AsyncGenerator
from typing import Annotated

import strawberry

from lms_graph.context import Info
from lms_graph.domain.certificates import queries
from lms_graph.kit.errors import DomainError
from lms_graph.kit.live import topic
from lms_graph.types.certificates import Certificate
from lms_graph.types.errors import query, top_level
from lms_graph.types.nodes import decode_id


@strawberry.type
class CertificatesQuery:
    @query(
        description="The certificate with this code; null when there is none. Everybody who has the code, signed in or not; also revoked, expired and replaced ones. RATE_LIMITED after many wrong codes from one network."
    )
    async def certificate(
        self, info: Info, code: Annotated[str, strawberry.argument(description="As printed. Case, spaces and hyphens do not count, nor O for 0 and I or L for 1.")]
    ) -> Certificate | None:
        row = await queries.checked_certificate(caller=info.context.caller, code=code, throttle=info.context.adapters.throttle)
        return Certificate.from_row(row, info.context.caller.now) if row else None


@strawberry.type
class CertificatesSubscription:
    @strawberry.subscription(
        description="The current certificate of one of your own runs: at once if there is one, then at each change (issued, PDF printed). Does not end. "
        "Errors: UNAUTHENTICATED, NOT_FOUND."
    )
    async def certificate_updated(
        self, info: Info, enrollment_id: Annotated[strawberry.ID, strawberry.argument(description="The run (`Enrollment.id`).")]
    ) -> AsyncGenerator[Certificate, None]:
        context = info.context
        try:
            id = decode_id(enrollment_id, "enr", path="enrollmentId")
        except DomainError as error:
            raise top_level(error) from error
        async with context.adapters.live.listen(topic(context.caller.tenant_id, id)) as wake_ups:
            told: int | None = None
            async for _ in wake_ups:
                context.renew()
                try:
                    changed, told = await queries.changes(caller=context.caller, enrollment_id=id, after=told)
                except DomainError as error:
                    raise top_level(error) from error
                certificate = await context.loaders.certificates.of_enrollment.load(id) if changed else None
                if certificate:
                    yield certificate
                if context.reads:
                    await context.reads.release()  # wait without a connection
