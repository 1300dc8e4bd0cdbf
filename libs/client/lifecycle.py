"""Lifecycle rules: what they will delete."""

from collections.abc import AsyncIterator

from libs.client.paging import Page, items
from libs.client.transport import Transport, segment
from libs.contracts.storage import Expiry


class Lifecycle:
    """The rules themselves are a setting of their bucket."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def preview(self, bucket: str, *, limit: int | None = None) -> AsyncIterator[Expiry]:
        """Yield by path what will be deleted, when, and by which rule."""
        url = f"/buckets/{segment(bucket)}/lifecycle/preview"
        return items(self._transport, url, Page[Expiry], limit=limit)
