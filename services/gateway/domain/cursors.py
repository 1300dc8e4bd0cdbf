"""Cursors of lists: where to go on, signed together with the list they belong to."""

import base64
import binascii
import hashlib
import hmac

from services.gateway.domain.failures import InvalidCursor

_MAC_BYTES = 16


def seal(secret: bytes, scope: str, position: str) -> str:
    """Return ``position`` as a cursor that only the list ``scope`` accepts."""
    body = position.encode()
    return base64.urlsafe_b64encode(_mac(secret, scope, body) + body).decode("ascii").rstrip("=")


def unseal(secret: bytes, scope: str, cursor: str) -> str:
    """Return the position in ``cursor``; raises ``InvalidCursor`` unless made for ``scope``."""
    try:
        raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise InvalidCursor("the cursor is not one of ours") from None
    mac, body = raw[:_MAC_BYTES], raw[_MAC_BYTES:]
    if not hmac.compare_digest(mac, _mac(secret, scope, body)):
        raise InvalidCursor("the cursor belongs to another list, or was changed")
    return body.decode()


def _mac(secret: bytes, scope: str, body: bytes) -> bytes:
    message = scope.encode() + b"\x00" + body
    return hmac.digest(secret, message, hashlib.sha256)[:_MAC_BYTES]
