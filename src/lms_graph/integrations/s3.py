"""Object storage over the S3 protocol: one client per process."""

import re
from contextlib import AsyncExitStack
from typing import Any
from urllib.parse import quote

from aiobotocore.config import AioConfig
from aiobotocore.session import get_session
from aiohttp import ClientError as BrokenOff
from botocore.exceptions import BotoCoreError, ClientError

from lms_graph.domain.media.ports import StoredObject
from lms_graph.kit.errors import NotFound, Unavailable

_MISSING = {"NoSuchKey", "404", "NotFound"}


class S3ObjectStore:
    """Fulfils ObjectStore. Path-style addresses and checksums only where required, so that every S3-speaking store works."""

    def __init__(self, *, endpoint: str | None, public_endpoint: str | None, region: str, bucket: str, access_key_id: str, secret_access_key: str) -> None:
        self._bucket = bucket
        self._endpoint = endpoint
        self._public_endpoint = public_endpoint or endpoint
        self._options: dict[str, Any] = {
            "region_name": region,
            "aws_access_key_id": access_key_id,
            "aws_secret_access_key": secret_access_key,
            "config": AioConfig(
                signature_version="s3v4",
                s3={"addressing_style": "path"},
                connect_timeout=3,
                read_timeout=20,
                retries={"max_attempts": 3, "mode": "standard"},
                request_checksum_calculation="when_required",
                response_checksum_validation="when_required",
            ),
        }
        self._stack = AsyncExitStack()
        self._client: Any = None
        self._signer: Any = None

    async def open(self) -> None:
        session = get_session()
        self._client = await self._stack.enter_async_context(session.create_client("s3", endpoint_url=self._endpoint, **self._options))
        self._signer = await self._stack.enter_async_context(session.create_client("s3", endpoint_url=self._public_endpoint, **self._options))

    async def aclose(self) -> None:
        await self._stack.aclose()

    async def put(self, key: str, body: bytes, *, content_type: str) -> None:
        await self._call("put_object", Key=key, Body=body, ContentType=content_type)

    async def get(self, key: str) -> bytes:
        answer = await self._call("get_object", Key=key)
        try:
            async with answer["Body"] as stream:
                body: bytes = await stream.read()
        except (BotoCoreError, BrokenOff, OSError, TimeoutError) as error:
            raise Unavailable("The object store broke off.") from error
        return body

    async def stat(self, key: str) -> StoredObject | None:
        try:
            answer = await self._call("head_object", Key=key)
        except NotFound:
            return None
        return StoredObject(size_bytes=answer["ContentLength"], content_type=answer["ContentType"])

    async def delete(self, key: str) -> None:
        await self._call("delete_object", Key=key)

    async def signed_url(self, key: str, *, seconds: int, file_name: str | None = None) -> str:
        parameters = {"Bucket": self._bucket, "Key": key}
        if file_name:
            plain = re.sub(r"[^A-Za-z0-9._ -]", "_", file_name)  # RFC 6266: any name in the second form, nothing to break out of in the first
            parameters["ResponseContentDisposition"] = f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(file_name, safe='')}"
        url: str = await self._signer.generate_presigned_url("get_object", Params=parameters, ExpiresIn=seconds)
        return url

    async def _call(self, operation: str, **parameters: Any) -> Any:
        try:
            return await getattr(self._client, operation)(Bucket=self._bucket, **parameters)
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") in _MISSING:
                raise NotFound("The object store has no such object.") from error
            raise Unavailable("The object store refused the request.") from error
        except (BotoCoreError, OSError, TimeoutError) as error:
            raise Unavailable("The object store does not answer.") from error
