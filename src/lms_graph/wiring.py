"""Settings → adapters: the only place where ports meet what fulfils them."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from lms_graph.adapters import Adapters
from lms_graph.integrations.ffmpeg import FfmpegProbe
from lms_graph.integrations.pdf import ChromiumCertificateRenderer
from lms_graph.integrations.redis_budget import RedisBudget
from lms_graph.integrations.redis_live import RedisLiveBus
from lms_graph.integrations.s3 import S3ObjectStore
from lms_graph.kit.budget import Rate
from lms_graph.kit.pages import Cursors
from lms_graph.kit.secrets import SecretKeys
from lms_graph.models.database import close_database, open_database
from lms_graph.settings import Settings


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
        renderer = ChromiumCertificateRenderer(chromium_path=settings.chromium_path)
        stack.push_async_callback(renderer.aclose)
        secret_keys = SecretKeys.parse(settings.secret_keys.get_secret_value())
        yield Adapters(
            base_url=settings.base_url.rstrip("/"),
            cursors=Cursors(secret_keys.derived("cursors")),
            secret_keys=secret_keys,
            objects=objects,
            live=live,
            budget=budget,
            certificate_renderer=renderer,
            video_probe=FfmpegProbe(),
        )
