"""Digest fields (RFC 9530): ``Repr-Digest: sha-256=:<base64>:``; others are left alone."""

import base64
import binascii
import re

from services.gateway.domain.failures import MalformedHeader

_MEMBER = re.compile(r"([a-z*][a-z0-9_\-.*]*)=:([A-Za-z0-9+/=]*):")


def announced_sha256(header: str | None, name: str) -> str | None:
    """Return the sha256 in hexadecimal that a digest field announces; None when it has none."""
    if header is None:
        return None
    found = None
    for member in header.split(","):
        parsed = _MEMBER.fullmatch(member.strip())
        if not parsed:
            raise MalformedHeader("this is no dictionary of digests", header=name)
        if parsed[1] == "sha-256":
            found = _hexadecimal(parsed[2], name)
    return found


def repr_digest(sha256: str) -> str:
    """Return the value of ``Repr-Digest`` for bytes with this sha256."""
    return f"sha-256=:{base64.b64encode(bytes.fromhex(sha256)).decode('ascii')}:"


def _hexadecimal(text: str, name: str) -> str:
    try:
        digest = base64.b64decode(text, validate=True)
    except binascii.Error:
        digest = b""
    if len(digest) != 32:
        raise MalformedHeader("a sha-256 has 32 bytes", header=name)
    return digest.hex()
