"""What buckets and principals use, and quotas."""

from collections.abc import AsyncIterator

import msgspec
from msgspec import Struct

from libs.client.paging import Page, items
from libs.client.transport import Transport, decode, segment
from libs.contracts.storage import Amount, PrincipalUsage


class Compressing(Struct, frozen=True, kw_only=True):
    """How new bytes are compressed, and what came of it so far."""

    setting: str
    level: int
    threshold: float
    least_bytes: int
    ratio: float
    """Original bytes by stored bytes."""
    saved_bytes: int


class Usage(Struct, frozen=True, kw_only=True):
    """What a bucket uses; ``used_bytes`` is live, versions and trash together."""

    bucket: str
    used_bytes: int
    quota_bytes: int | None
    live: Amount
    versions: Amount
    trash: Amount
    held: Amount
    """Different bytes, each counted once."""
    deduplicated_bytes: int
    stored_bytes: int
    compression: Compressing
    encryption: str


class Quotas:
    """Usage, of anybody who may see the bucket; quotas, of administrators."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def usage(self, bucket: str) -> Usage:
        """Return what a bucket uses at this moment."""
        return await self._transport.get(f"/buckets/{segment(bucket)}/usage", Usage)

    async def mine(self) -> PrincipalUsage:
        """Return what the key's principal uses in all buckets, and its quota."""
        return await self._transport.get("/me/usage", PrincipalUsage)

    def list(self) -> AsyncIterator[PrincipalUsage]:
        """Yield who has a quota."""
        return items(self._transport, "/quotas", Page[PrincipalUsage])

    async def get(self, principal: str) -> PrincipalUsage:
        """Return what a principal (``key:<id>``, ``user:<name>``) uses and may use."""
        return await self._transport.get(_url(principal), PrincipalUsage)

    async def set(self, principal: str, quota_bytes: int) -> PrincipalUsage:
        """Limit what a principal may use; nothing is deleted for it."""
        body = msgspec.json.encode({"quota_bytes": quota_bytes})
        response = await self._transport.send(
            "PUT",
            _url(principal),
            headers={"Content-Type": "application/json"},
            content=lambda: body,
        )
        return decode(response, PrincipalUsage)

    async def remove(self, principal: str) -> None:
        """Limit a principal no more."""
        await self._transport.delete(_url(principal))


def _url(principal: str) -> str:
    return f"/quotas/{segment(principal)}"
