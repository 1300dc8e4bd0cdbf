"""Links: calls that their maker signed in advance, for whoever holds them.

``?signature=<terms><mac>``: the terms are readable, HMAC-SHA256 binds them to one bucket and path.
"""

import base64
import binascii
import hashlib
import hmac
from datetime import UTC, datetime
from typing import Annotated, Literal
from uuid import UUID

import msgspec
from msgspec import Meta, Struct

from libs.contracts.values import ByteCount, ContentType
from services.gateway.domain.failures import LinkRefused

SIGNATURE = "signature"
"""The query parameter."""

LONGEST_S = 7 * 24 * 3600
MAY_BESIDE = frozenset({SIGNATURE, "download"})
"""What may stand in the query of a signed call: another version is another call."""

_MAC_BYTES = 32
_LONGEST_TEXT = 2048

LinkMethod = Literal["GET", "HEAD", "PUT"]
LinkSeconds = Annotated[int, Meta(ge=1, le=LONGEST_S)]


class Terms(Struct, frozen=True, kw_only=True, array_like=True, forbid_unknown_fields=True):
    """What a link is good for, and on whose account."""

    link_id: UUID
    key_id: UUID
    """The key that made it, whose rights count when it is used."""
    bucket_id: UUID
    """A bucket that takes the name of a deleted one is another bucket."""
    method: LinkMethod
    """``GET`` is good for ``HEAD`` too."""
    expires_at: int
    """Seconds since 1970."""
    content_type: ContentType | None = None
    """With ``PUT``: what has to be sent as ``Content-Type``."""
    content_length: ByteCount | None = None
    """With ``PUT``: how long the body has to be."""
    max_length: ByteCount | None = None
    """With ``PUT``: how long it may be."""

    @property
    def most_bytes(self) -> int | None:
        """How long a body may be; None: as long as any."""
        return self.max_length if self.content_length is None else self.content_length

    def check_call(self, method: str, query: frozenset[str], now: datetime) -> None:
        """Raise ``LinkRefused`` unless the link is good for this call at this time."""
        if now.timestamp() >= self.expires_at:
            raise LinkRefused("the link has expired")
        if method != self.method and (method, self.method) != ("HEAD", "GET"):
            raise LinkRefused(f"the link is good for {self.method} only")
        if not query <= MAY_BESIDE:
            raise LinkRefused("the link is good for the file as it is, without further parameters")

    def check_head(self, content_type: str | None, length: int | None) -> None:
        """Raise ``LinkRefused`` when a body's headers announce what the link is not good for."""
        if self.content_type is not None and content_type != self.content_type:
            raise LinkRefused(f"the link is good for Content-Type: {self.content_type} only")
        if length is not None:
            self.check_length(length, complete=True)

    def check_length(self, size: int, *, complete: bool) -> None:
        """Raise ``LinkRefused`` when a body of ``size`` bytes until now cannot become right."""
        if self.most_bytes is not None and size > self.most_bytes:
            raise LinkRefused(f"the link is good for {self.most_bytes} bytes at most")
        if complete and self.content_length is not None and size != self.content_length:
            raise LinkRefused(f"the link is good for exactly {self.content_length} bytes")


def derive_secret(secret: bytes) -> bytes:
    """Return the secret that signs links; what signs cursors must not sign links, too."""
    return hmac.digest(secret, b"strongroom links", hashlib.sha256)


def sign(secret: bytes, terms: Terms, bucket: str, path: str) -> str:
    """Return the value of ``signature`` for the file ``path``."""
    body = msgspec.msgpack.encode(terms)
    return base64.urlsafe_b64encode(_mac(secret, body, bucket, path) + body).decode().rstrip("=")


def verify(secret: bytes, signature: str, bucket: str, path: str) -> Terms:
    """Return the terms that we signed for this file; raises ``LinkRefused`` for anything else."""
    try:
        padded = signature[:_LONGEST_TEXT] + "=" * (-len(signature) % 4)
        raw = base64.b64decode(padded, altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise _not_ours() from None
    mac, body = raw[:_MAC_BYTES], raw[_MAC_BYTES:]
    if not hmac.compare_digest(mac, _mac(secret, body, bucket, path)):
        raise _not_ours()
    try:
        return msgspec.msgpack.decode(body, type=Terms)
    except msgspec.DecodeError:  # signed by a version with other terms
        raise _not_ours() from None


def expiry(terms: Terms) -> datetime:
    """Return when the link ends."""
    return datetime.fromtimestamp(terms.expires_at, UTC)


def _not_ours() -> LinkRefused:
    return LinkRefused("the link was not made here, or not for this file")


def _mac(secret: bytes, body: bytes, bucket: str, path: str) -> bytes:
    parts = (bucket.encode(), path.encode(), body)
    # Each behind its length: no letter of one part can move into the next.
    message = b"".join(len(part).to_bytes(4, "big") + part for part in parts)
    return hmac.digest(secret, message, hashlib.sha256)
