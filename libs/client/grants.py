"""Grants: who may do what in a bucket, and why."""

from collections.abc import Sequence
from typing import Literal

import msgspec
from msgspec import Struct, field

from libs.client.paging import Page
from libs.client.transport import Transport, decode, segment
from libs.contracts.storage import Grant, Role

Action = Literal["read", "list", "read-history", "write", "delete", "manage"]
"""``manage`` is to change settings and grants, and to delete the bucket."""


class Rule(Struct, frozen=True, kw_only=True):
    """Something that decides: a key's scope, a grant, or the setting of a public bucket."""

    kind: str
    scope: str | None = None
    grant: Grant | None = None
    public_read: bool | None = None


class AccessChecked(Struct, frozen=True, kw_only=True):
    """Whether a call would be allowed, and why."""

    allowed: bool
    reason: str
    rule: Rule | None = None
    """What decided; None when nothing allows it."""
    looked_at: list[Rule] = field(default_factory=list)


class Grants:
    """Roles of keys, users, groups and everyone: on a bucket, or below a prefix of it."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def list(self, bucket: str, prefix: str = "") -> list[Grant]:
        """Return what was given at ``prefix`` and below it."""
        page = await self._transport.get(_many(bucket), Page[Grant], {"prefix": prefix})
        return page.items

    async def give(self, bucket: str, principal: str, role: Role, *, prefix: str = "") -> Grant:
        """Give a role to ``key:<id>``, ``user:<name>``, ``group:<name>`` or ``everyone``.

        It replaces the one that was given at exactly this prefix.
        """
        body = msgspec.json.encode({"principal": principal, "role": role, "prefix": prefix})
        response = await self._transport.send(
            "PUT",
            _many(bucket),
            headers={"Content-Type": "application/json"},
            content=lambda: body,
        )
        return decode(response, Grant)

    async def take(self, bucket: str, principal: str, *, prefix: str = "") -> None:
        """Take back what was given at exactly this prefix; raises ``ApiProblem`` 404."""
        await self._transport.delete(
            _many(bucket), params={"principal": principal, "prefix": prefix}
        )

    async def check(
        self,
        bucket: str,
        action: Action,
        path: str = "",
        *,
        principal: str | None = None,
        groups: Sequence[str] | None = None,
    ) -> AccessChecked:
        """Tell whether the caller, or for an owner ``principal``, may do that, and why."""
        asked: dict[str, object] = {"action": action, "path": path}
        if principal is not None:
            asked["principal"] = principal
        if groups is not None:
            asked["groups"] = [*groups]
        url = f"/buckets/{segment(bucket)}/access-checks"
        return await self._transport.post(url, AccessChecked, asked)


def _many(bucket: str) -> str:
    return f"/buckets/{segment(bucket)}/grants"
