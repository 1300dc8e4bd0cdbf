"""Which past states of files are kept, and giving some up."""

from collections.abc import AsyncIterator

import msgspec

from libs.client.paging import Page
from libs.client.transport import Transport, decode, segment
from libs.contracts.versioning import Expiring, Purged, RetentionPolicy
from libs.contracts.versioning import Retention as RetentionInfo


class Retention:
    """The policy of every bucket; history itself is never changed, only content given up."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def get(self, bucket: str) -> RetentionInfo:
        """Return a bucket's policy, and what was given up so far."""
        return await self._transport.get(_url(bucket, "retention"), RetentionInfo)

    async def set(self, bucket: str, policy: RetentionPolicy | None) -> RetentionInfo:
        """Replace a bucket's policy; None keeps everything for ever."""
        body = msgspec.json.encode({"policy": policy})
        response = await self._transport.send(
            "PUT",
            _url(bucket, "retention"),
            headers={"Content-Type": "application/json"},
            content=lambda: body,
        )
        return decode(response, RetentionInfo)

    async def preview(
        self,
        bucket: str,
        policy: RetentionPolicy | None = None,
        *,
        prefix: str = "",
        kept: bool = False,
        limit: int | None = None,
    ) -> AsyncIterator[Expiring]:
        """Yield what a policy, or the bucket's own, would give up, and why; nothing is changed.

        With ``kept`` also what stays.
        """
        body: dict[str, object] = {"policy": policy, "prefix": prefix, "kept": kept}
        cursor: str | None = None
        left = limit
        while left is None or left > 0:
            asked = {**body, "limit": min(left or 1000, 1000)}
            if cursor is not None:
                asked["cursor"] = cursor
            page = await self._transport.post(
                _url(bucket, "retention/preview"), Page[Expiring], asked
            )
            for item in page.items:
                yield item
            cursor = page.next
            if cursor is None:
                return
            left = None if left is None else left - len(page.items)

    async def purge(
        self,
        bucket: str,
        *,
        path: str | None = None,
        prefix: str | None = None,
        dry_run: bool = False,
    ) -> Purged:
        """Give up the content of all past states of a path, or below a prefix."""
        place = {"path": path} if path is not None else {"prefix": prefix or ""}
        body = {**place, "dry_run": dry_run}
        return await self._transport.post(_url(bucket, "purges"), Purged, body)


def _url(bucket: str, what: str) -> str:
    return f"/buckets/{segment(bucket)}/{what}"
