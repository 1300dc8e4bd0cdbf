"""Buckets: create, look, list, change, remove."""

from collections.abc import AsyncIterator, Sequence
from typing import Any
from uuid import UUID

from msgspec import Struct

from libs.client.paging import Page, items
from libs.client.transport import Transport, decode, segment
from libs.contracts.progress import TaskAccepted
from libs.contracts.storage import BucketInfo, DeletedBucket
from libs.contracts.values import Versioning


class BucketUndeleted(Struct, frozen=True, kw_only=True):
    """What came back."""

    bucket: BucketInfo
    files: int = 0
    """How many files it has again."""
    detail: str = ""
    """Why it has none, if it does not get them back."""


class Buckets:
    """All buckets that the key may see."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def create(
        self, name: str, *, versioning: Versioning = "auto", **settings: Any
    ) -> BucketInfo:
        """Create a bucket; raises ``ApiProblem`` 409 when the name is taken.

        ``settings`` are those of ``BucketSettings``, e.g. ``trash_s=86400``.
        """
        body = {"name": name, "versioning": versioning, **settings}
        return await self._transport.post("/buckets", BucketInfo, body)

    async def get(self, name: str) -> BucketInfo:
        """Return a bucket; raises ``ApiProblem`` 404."""
        return await self._transport.get(_url(name), BucketInfo)

    def list(self, *, limit: int | None = None) -> AsyncIterator[BucketInfo]:
        """Yield the buckets by name."""
        return items(self._transport, "/buckets", Page[BucketInfo], limit=limit)

    async def update(self, name: str, **settings: Any) -> BucketInfo:
        """Change settings of a bucket (those of ``BucketSettings``, and ``versioning``)."""
        return await self._transport.patch(_url(name), BucketInfo, settings)

    async def delete(self, name: str) -> None:
        """Remove an empty bucket; raises ``ApiProblem`` 409 when it has files."""
        await self._transport.delete(_url(name))

    async def delete_with_files(self, name: str) -> TaskAccepted:
        """Remove a bucket and everything in it, as a task."""
        response = await self._transport.delete(_url(name), params={"force": True})
        return decode(response, TaskAccepted)

    async def deleted(self) -> Sequence[DeletedBucket]:
        """Return the deleted buckets that can still be brought back, the last deleted first."""
        return (await self._transport.get("/deleted-buckets", Page[DeletedBucket])).items

    async def undelete(self, bucket_id: UUID) -> BucketUndeleted:
        """Bring a deleted bucket back, with its files and its history."""
        url = f"/deleted-buckets/{bucket_id}/restore"
        return await self._transport.post(url, BucketUndeleted)


def _url(name: str) -> str:
    return f"/buckets/{segment(name)}"
