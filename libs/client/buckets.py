"""Buckets: create, look, list, change, remove."""

from collections.abc import AsyncIterator

from libs.client.paging import Page, items
from libs.client.transport import Transport, decode, segment
from libs.contracts.progress import TaskAccepted
from libs.contracts.storage import BucketInfo
from libs.contracts.values import Versioning


class Buckets:
    """All buckets that the key may see."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def create(self, name: str, *, versioning: Versioning = "auto") -> BucketInfo:
        """Create a bucket; raises ``ApiProblem`` 409 when the name is taken."""
        body = {"name": name, "versioning": versioning}
        return await self._transport.post("/buckets", BucketInfo, body)

    async def get(self, name: str) -> BucketInfo:
        """Return a bucket; raises ``ApiProblem`` 404."""
        return await self._transport.get(_url(name), BucketInfo)

    def list(self, *, limit: int | None = None) -> AsyncIterator[BucketInfo]:
        """Yield the buckets by name."""
        return items(self._transport, "/buckets", Page[BucketInfo], limit=limit)

    async def update(self, name: str, *, versioning: Versioning) -> BucketInfo:
        """Change a bucket's settings."""
        return await self._transport.patch(_url(name), BucketInfo, {"versioning": versioning})

    async def delete(self, name: str) -> None:
        """Remove an empty bucket; raises ``ApiProblem`` 409 when it has files."""
        await self._transport.delete(_url(name))

    async def delete_with_files(self, name: str) -> TaskAccepted:
        """Remove a bucket and everything in it, as a task."""
        response = await self._transport.delete(_url(name), params={"force": True})
        return decode(response, TaskAccepted)


def _url(name: str) -> str:
    return f"/buckets/{segment(name)}"
