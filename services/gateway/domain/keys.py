"""API keys: ``sr_<id>_<secret>``, 256 random bits, stored as SHA-256.

A slow hash protects secrets that people choose; nobody guesses 256 bits, so a fast one is right.
"""

import hashlib
import hmac
import re
import secrets
from collections.abc import Iterable
from datetime import datetime
from typing import Literal
from uuid import UUID

from msgspec import Struct

from libs.contracts.values import Principal, PrincipalName

Scope = Literal["read", "write", "admin"]
Needs = Literal["anyone", "key", "read", "write", "admin"]
"""What a route asks for; ``anyone`` needs no key, ``key`` any valid one."""

_KEY = re.compile(r"sr_([0-9a-f]{32})_([A-Za-z0-9_-]{32,128})")
_IMPLIES: dict[Scope, frozenset[Needs]] = {
    "read": frozenset({"read"}),
    "write": frozenset({"write"}),
    "admin": frozenset({"read", "write", "admin"}),
}


def allows(scopes: Iterable[Scope], needs: Needs) -> bool:
    """Tell whether a key with these scopes may do what needs that."""
    return needs in ("anyone", "key") or any(needs in _IMPLIES[scope] for scope in scopes)


class PresentedKey(Struct, frozen=True):
    """What a caller presents: an id that everybody may know, and the secret's hash."""

    key_id: UUID
    secret_hash: bytes


class KnownKey(Struct, frozen=True, kw_only=True):
    """What is stored of a key."""

    key_id: UUID
    name: str
    secret_hash: bytes
    scopes: frozenset[Scope]
    created_by: str
    created_at: datetime
    user: PrincipalName | None = None
    """Whom the key acts for."""
    groups: frozenset[PrincipalName] = frozenset()
    """What they belong to."""
    expires_at: datetime | None = None
    revoked_at: datetime | None = None


class Identity(Struct, frozen=True, kw_only=True):
    """Who calls."""

    key_id: UUID
    name: str
    scopes: frozenset[Scope]
    user: PrincipalName | None = None
    groups: frozenset[PrincipalName] = frozenset()
    expires_at: datetime | None = None

    @property
    def actor(self) -> Principal:
        """The caller as events and records name it: the key's user, or the key itself."""
        return f"key:{self.key_id}" if self.user is None else f"user:{self.user}"

    @property
    def principals(self) -> frozenset[Principal]:
        """Whom a grant may name to mean this key: it, its user and their groups."""
        groups = (f"group:{name}" for name in self.groups)
        return frozenset({f"key:{self.key_id}", self.actor, *groups})

    @property
    def is_admin(self) -> bool:
        """Tell whether this key may do everything."""
        return "admin" in self.scopes

    def may(self, needs: Needs) -> bool:
        """Tell whether this key allows what a route needs."""
        return allows(self.scopes, needs)


def parse(text: str) -> PresentedKey | None:
    """Return the key that ``text`` spells; None when it spells none."""
    found = _KEY.fullmatch(text)
    return PresentedKey(UUID(hex=found[1]), hash_secret(found[2])) if found else None


def spell(key_id: UUID, secret: str) -> str:
    """Return the key as its owner presents it."""
    return f"sr_{key_id.hex}_{secret}"


def new_secret() -> str:
    """Return 256 random bits."""
    return secrets.token_hex(32)


def hash_secret(secret: str) -> bytes:
    """Return what is stored of a secret."""
    return hashlib.sha256(secret.encode("ascii")).digest()


def identify(presented: PresentedKey, known: KnownKey | None, now: datetime) -> Identity | None:
    """Return who presents a key; None when it is unknown, wrong, revoked or expired.

    The same work is done whether the key is known or not.
    """
    stored = known.secret_hash if known is not None else bytes(32)
    right = hmac.compare_digest(stored, presented.secret_hash)
    return standing(known, now) if right else None


def standing(known: KnownKey | None, now: datetime) -> Identity | None:
    """Return whose key this is while it works; None when it is unknown, revoked or expired."""
    if known is None or known.revoked_at is not None:
        return None
    if known.expires_at is not None and known.expires_at <= now:
        return None
    return Identity(
        key_id=known.key_id,
        name=known.name,
        scopes=known.scopes,
        user=known.user,
        groups=known.groups,
        expires_at=known.expires_at,
    )
