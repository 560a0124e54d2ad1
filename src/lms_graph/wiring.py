"""Settings → adapters: the only place where ports meet what fulfills them, and where what watches a process is turned on."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from importlib.metadata import version

from lms_graph.adapters import Adapters
from lms_graph.domain.notifications.ports import Mailer, Post
from lms_graph.domain.tenancy.rules.hosts import MailRecords
from lms_graph.integrations.dns import DnsPython
from lms_graph.integrations.ffmpeg import FfmpegProbe
from lms_graph.integrations.http import GuardedHttp
from lms_graph.integrations.invoices import ChromiumInvoicePrinter
from lms_graph.integrations.mjml import MjmlMailRenderer
from lms_graph.integrations.no_mailer import NoMailer
from lms_graph.integrations.openid import OpenIdClient
from lms_graph.integrations.pdf import ChromiumCertificateRenderer
from lms_graph.integrations.redis_budget import RedisBudget
from lms_graph.integrations.redis_live import RedisLiveBus
from lms_graph.integrations.redis_shelf import RedisShelf
from lms_graph.integrations.redis_throttle import RedisThrottle
from lms_graph.integrations.resend import ResendMailer
from lms_graph.integrations.s3 import S3ObjectStore
from lms_graph.integrations.smtp import SmtpMailer
from lms_graph.integrations.social import GoogleAndGithub
from lms_graph.integrations.statements import ChromiumStatementPrinter
from lms_graph.integrations.stripe import StripePayments
from lms_graph.kit.budget import Rate
from lms_graph.kit.pages import Cursors
from lms_graph.kit.secrets import SecretKeys
from lms_graph.models.database import close_database, connections, open_database
from lms_graph.outbox import store
from lms_graph.settings import Settings
from lms_graph.telemetry import metrics, reports, tracing

NO_SENDER = "nobody@mail.invalid"  # of mails that nobody carries
CONNECTIONS = metrics.Reading("lms_database_connections", "Connections to PostgreSQL, by role (app, system) and state (used, idle).", ("role", "state"), connections)
DELIVERIES = metrics.Reading("lms_deliveries", "Deliveries of the whole deployment: waiting (due, or sent and not done) and buried.", ("state",), store.backlog)


@asynccontextmanager
async def running(settings: Settings) -> AsyncIterator[Adapters]:
    """The database open and the adapters ready, closed in reverse when the process ends."""
    async with AsyncExitStack() as stack:
        await open_database(settings.database_url.get_secret_value(), settings.database_system_url.get_secret_value(), settings.database_pool_size)
        stack.push_async_callback(close_database)
        objects = S3ObjectStore(
            endpoint=settings.s3_endpoint,
            public_endpoint=settings.s3_public_endpoint,
            region=settings.s3_region,
            bucket=settings.s3_bucket,
            access_key_id=settings.s3_access_key_id.get_secret_value(),
            secret_access_key=settings.s3_secret_access_key.get_secret_value(),
        )
        await objects.open()
        stack.push_async_callback(objects.aclose)
        live = RedisLiveBus(settings.redis_url.get_secret_value())
        stack.push_async_callback(live.aclose)
        budget = RedisBudget(settings.redis_url.get_secret_value(), Rate(settings.cost_bucket, settings.cost_per_second))
        stack.push_async_callback(budget.aclose)
        throttle = RedisThrottle(settings.redis_url.get_secret_value(), factor=settings.throttle_factor)
        stack.push_async_callback(throttle.aclose)
        documents = RedisShelf(settings.redis_url.get_secret_value(), name="documents", seconds=86_400, most=1000, most_bytes=2_000_000)
        stack.push_async_callback(documents.aclose)
        answers = RedisShelf(settings.redis_url.get_secret_value(), name="answers", seconds=60, most=2000, most_bytes=10_000_000)
        stack.push_async_callback(answers.aclose)
        renderer = ChromiumCertificateRenderer(chromium_path=settings.chromium_path)
        stack.push_async_callback(renderer.aclose)
        http = GuardedHttp(development=settings.development)
        openid = OpenIdClient(http)
        secret_keys = SecretKeys.parse(settings.secret_keys.get_secret_value())
        mailer = await stack.enter_async_context(mail_carrier(settings.mail_url.get_secret_value() if settings.mail_url else None))
        payments = StripePayments(
            secret_key=settings.stripe_secret_key.get_secret_value() if settings.stripe_secret_key else None,
            webhook_secrets=[secret.get_secret_value() for secret in settings.stripe_webhook_secrets],
            url=settings.stripe_url,
        )
        stack.push_async_callback(payments.aclose)
        base_url = settings.base_url.rstrip("/")
        yield Adapters(
            base_url=base_url,
            cursors=Cursors(secret_keys.derived("cursors")),
            secret_keys=secret_keys,
            objects=objects,
            live=live,
            budget=budget,
            throttle=throttle,
            answers=answers,
            documents=documents if settings.share_documents else None,
            certificate_renderer=renderer,
            invoice_printer=ChromiumInvoicePrinter(renderer),
            statement_printer=ChromiumStatementPrinter(renderer),
            video_probe=FfmpegProbe(),
            http=http,
            openid=openid,
            social=GoogleAndGithub(http, openid, google_url=settings.google_url, github_url=settings.github_url, github_api_url=settings.github_api_url),
            dns=DnsPython(settings.dns_servers),
            mail_records=MailRecords(spf=settings.mail_spf, dkim=settings.mail_dkim),
            post=Post(renderer=MjmlMailRenderer(), mailer=mailer, sender=settings.mail_from or NO_SENDER, base_url=base_url, secret_keys=secret_keys),
            payments=payments,
        )


@asynccontextmanager
async def mail_carrier(url: str | None) -> AsyncIterator[Mailer]:
    """Who carries mails, by `LMS_MAIL_URL`. Raises SystemExit with what is wrong with it."""
    try:
        mailer = NoMailer() if url is None else ResendMailer(url) if url.startswith("resend:") else SmtpMailer(url)
    except ValueError as error:
        raise SystemExit(str(error)) from None
    try:
        yield mailer
    finally:
        if isinstance(mailer, ResendMailer):
            await mailer.aclose()


@asynccontextmanager
async def observed(settings: Settings, *, service: str, readings: Sequence[metrics.Reading]) -> AsyncIterator[None]:
    """Reports, traces and metrics of this process, each only where a setting turns it on. At the end what is still to be sent gets a few seconds."""
    release = version("lms-graph")
    async with AsyncExitStack() as stack:
        if settings.sentry_dsn:
            stack.callback(reports.set_up(dsn=settings.sentry_dsn.get_secret_value(), release=f"lms-graph@{release}"))
        if settings.otlp_endpoint:
            stack.callback(tracing.set_up(service=service, release=release))
        if settings.metrics_port:
            stack.callback(metrics.set_up(host=settings.metrics_host, port=settings.metrics_port, readings=readings))
        yield
