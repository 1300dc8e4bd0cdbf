"""The platform itself: its keys, its health, its name."""

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any
from uuid import UUID

from msgspec import Struct, field

from libs.client.paging import Page, items
from libs.client.transport import Transport


class KeyInfo(Struct, frozen=True, kw_only=True):
    """An API key without its secret."""

    key_id: UUID
    name: str
    created_at: datetime
    scopes: list[str] = field(default_factory=list)
    expires_at: datetime | None = None
    revoked_at: datetime | None = None


class NewKey(KeyInfo, frozen=True):
    """A key just made; its ``secret`` is shown this once."""

    secret: str


class System:
    """Health and version of the platform."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def health(self) -> dict[str, Any]:
        """Return how the parts of the platform are."""
        return await self._transport.get("/system/health", dict[str, Any])

    async def info(self) -> dict[str, Any]:
        """Return the platform's version and limits."""
        return await self._transport.get("/system/info", dict[str, Any])


class Keys:
    """API keys."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def create(self, name: str, *, scopes: list[str] | None = None) -> NewKey:
        """Make a key."""
        body = {"name": name, **({"scopes": scopes} if scopes else {})}
        return await self._transport.post("/api-keys", NewKey, body)

    def list(self) -> AsyncIterator[KeyInfo]:
        """Yield all keys."""
        return items(self._transport, "/api-keys", Page[KeyInfo])

    async def revoke(self, key_id: UUID) -> None:
        """Make a key worthless, everywhere within 30 s."""
        await self._transport.delete(f"/api-keys/{key_id}")
