"""The platform itself: its keys, its health, its name."""

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Literal
from uuid import UUID

from msgspec import Struct, field

from libs.client.failures import ApiProblem
from libs.client.paging import Page, items
from libs.client.retries import NEVER
from libs.client.transport import Transport, decode

Scope = Literal["read", "write", "admin"]
"""What a key allows; ``admin`` means all."""


class KeyInfo(Struct, frozen=True, kw_only=True):
    """An API key without its secret."""

    key_id: UUID
    name: str
    scopes: list[Scope]
    user: str | None = None
    """Whom it acts for."""
    groups: list[str] = field(default_factory=list)
    created_by: str
    created_at: datetime
    expires_at: datetime | None


class NewKey(KeyInfo, frozen=True):
    """A key just made."""

    key: str | None
    """Shown this once: None when the answer that held it was lost. Then revoke it."""


class Health(Struct, frozen=True, kw_only=True):
    """How the parts of the platform are."""

    status: Literal["ok", "degraded", "down"]
    """``degraded``: files can be written and read, something else is down."""
    parts: dict[str, str] = field(default_factory=dict)


class Info(Struct, frozen=True, kw_only=True):
    """Which platform this is."""

    version: str
    api: str


class System:
    """Health and version of the platform."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def health(self) -> Health:
        """Return how the parts of the platform are, asked once; needs no key."""
        try:
            response = await self._transport.send("GET", "/system/health", policy=NEVER)
        except ApiProblem as problem:
            if "parts" not in problem.fields:
                raise
            return Health(status="down", parts=problem.fields["parts"])
        return decode(response, Health)

    async def info(self) -> Info:
        """Return the platform's version."""
        return await self._transport.get("/system/info", Info)


class Keys:
    """API keys."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def create(
        self,
        name: str,
        scopes: Sequence[Scope],
        *,
        user: str | None = None,
        groups: Sequence[str] = (),
        expires_at: datetime | None = None,
    ) -> NewKey:
        """Make a key; it has the grants of its user and groups, besides its own."""
        body = {
            "name": name,
            "scopes": list(scopes),
            "user": user,
            "groups": list(groups),
            "expires_at": expires_at,
        }
        return await self._transport.post("/api-keys", NewKey, body)

    def list(self) -> AsyncIterator[KeyInfo]:
        """Yield the keys that are not revoked, newest first."""
        return items(self._transport, "/api-keys", Page[KeyInfo])

    async def revoke(self, key_id: UUID) -> None:
        """Make a key worthless, everywhere within 30 s."""
        await self._transport.delete(f"/api-keys/{key_id}")
