"""The store without us: obstore as ``libs/blobs`` sets it up, and nothing else."""

from datetime import timedelta

import obstore
from obstore.store import S3Store

from bench.bodies import MIB, pieces_async
from deploy.local.run_file import S3Address
from libs.blobs.s3 import S3Options


class Straight:
    """The bucket of the platform, used past it."""

    def __init__(self, address: S3Address) -> None:
        self._settings = S3Options(bucket=address.bucket, endpoint=address.endpoint)
        self._bucket = S3Store(
            address.bucket,
            endpoint=address.endpoint,
            region=address.region,
            access_key_id=address.access_key,
            secret_access_key=address.secret_key,
            virtual_hosted_style_request=False,
            client_options={"allow_http": True, "timeout": timedelta(hours=1)},
        )

    async def put(self, key: str, body: bytes) -> None:
        """Put a small object in one request."""
        await obstore.put_async(self._bucket, key, [body], use_multipart=False)

    async def put_large(self, key: str, size: int) -> None:
        """Put ``size`` bytes in parts of the size, and as many at once, as the platform does."""
        await obstore.put_async(
            self._bucket,
            key,
            pieces_async(size),
            chunk_size=self._settings.part_bytes,
            max_concurrency=self._settings.parts_in_flight,
        )

    async def get_large(self, key: str) -> int:
        """Read an object to its end; return how many bytes it has."""
        found = await obstore.get_async(self._bucket, key)
        return sum([len(chunk) async for chunk in found.stream(min_chunk_size=MIB)])

    async def delete(self, key: str) -> None:
        await obstore.delete_async(self._bucket, key)
