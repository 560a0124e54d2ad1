"""The bundle of ports that is handed to every edge. `wiring` chooses what fulfils them."""

from dataclasses import dataclass

from lms_graph.domain.certificates.ports import CertificateRenderer
from lms_graph.domain.commerce.ports import InvoicePrinter
from lms_graph.domain.identity.ports import OpenIdProviders, SocialSignIn
from lms_graph.domain.media.ports import ObjectStore, VideoProbe
from lms_graph.domain.notifications.ports import Post
from lms_graph.domain.payouts.ports import Payments, StatementPrinter
from lms_graph.domain.tenancy.ports import Dns
from lms_graph.domain.tenancy.rules.hosts import MailRecords
from lms_graph.kit.budget import Budget
from lms_graph.kit.live import LiveBus
from lms_graph.kit.outbound import OutboundHttp
from lms_graph.kit.pages import Cursors
from lms_graph.kit.secrets import SecretKeys
from lms_graph.kit.shelf import Shelf
from lms_graph.kit.throttle import Throttle


@dataclass(frozen=True)
class Adapters:
    base_url: str
    cursors: Cursors
    secret_keys: SecretKeys
    objects: ObjectStore
    live: LiveBus
    budget: Budget
    throttle: Throttle
    documents: Shelf | None
    answers: Shelf
    certificate_renderer: CertificateRenderer
    invoice_printer: InvoicePrinter
    statement_printer: StatementPrinter
    video_probe: VideoProbe
    http: OutboundHttp
    openid: OpenIdProviders
    social: SocialSignIn
    dns: Dns
    mail_records: MailRecords
    post: Post
    payments: Payments
