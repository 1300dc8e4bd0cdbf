"""Signed links: one call to one file, for whoever has no key."""

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Literal
from uuid import UUID

from msgspec import Struct, field

from libs.client.paging import Page, items
from libs.client.transport import Transport, segment
from libs.contracts.storage import FileInfo

Method = Literal["GET", "HEAD", "PUT"]


class Link(Struct, frozen=True, kw_only=True):
    """A link that works; whoever has its ``url`` may use it until it ends."""

    id: UUID
    method: Method
    path: str
    url: str
    expires_at: datetime
    headers: dict[str, str] = field(default_factory=dict)
    """To be sent with the call."""
    direct: bool = False
    """Whether it leads to the object store itself."""
    complete: str | None = None
    """With a direct ``PUT``: what ``Links.complete`` calls."""


class IssuedLink(Struct, frozen=True, kw_only=True):
    """A link that somebody has, without what makes it work."""

    id: UUID
    key_id: UUID
    """Of the key that made it."""
    path: str
    method: Method
    created_at: datetime
    expires_at: datetime


class Links:
    """Links to the files of every bucket."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def create(
        self,
        bucket: str,
        path: str,
        *,
        method: Method = "GET",
        expires_s: int = 3600,
        content_type: str | None = None,
        content_length: int | None = None,
        max_length: int | None = None,
        direct: bool | Literal["prefer"] = False,
    ) -> Link:
        """Sign a link; it can do what this client's key may when it is used.

        What is put at a direct link is a file only after ``complete``. Raises ``ApiProblem`` 409
        when the object store cannot be reached directly, unless it is only preferred.
        """
        terms = {
            "method": method,
            "path": path,
            "expires_s": expires_s,
            "content_type": content_type,
            "content_length": content_length,
            "max_length": max_length,
            "direct": direct,
        }
        given = {name: value for name, value in terms.items() if value is not None}
        return await self._transport.post(_links(bucket), Link, given)

    def list(self, bucket: str, *, limit: int | None = None) -> AsyncIterator[IssuedLink]:
        """Yield the links that work, newest first: an administrator's all, else one's own."""
        return items(self._transport, _links(bucket), Page[IssuedLink], limit=limit)

    async def revoke(self, bucket: str, link_id: UUID) -> None:
        """Take a link back; it stops working within a minute."""
        await self._transport.delete(f"{_links(bucket)}/{link_id}")

    async def complete(self, bucket: str, link: Link, *, sha256: str | None = None) -> FileInfo:
        """Make what was put at a direct link the file, if it is what it should be."""
        path = f"/buckets/{segment(bucket)}/direct-uploads/{link.id}/completions"
        return await self._transport.post(path, FileInfo, {"sha256": sha256})


def _links(bucket: str) -> str:
    return f"/buckets/{segment(bucket)}/signed-urls"
