"""sha256 as the platform writes it: hex in JSON and ETags, base64 in ``Repr-Digest`` (RFC 9530)."""

import base64
import binascii
import hashlib
from pathlib import Path

PIECE_BYTES = 1 << 20


def repr_digest(sha256: str) -> str:
    """Return the header value for a hex digest: ``sha-256=:<base64>:``."""
    return f"sha-256=:{base64.b64encode(bytes.fromhex(sha256)).decode()}:"


def sha256_in(header: str | None) -> str | None:
    """Return the hex sha256 that a ``Repr-Digest`` header names, or None."""
    for member in (header or "").split(","):
        algorithm, _, value = member.strip().partition("=")
        if algorithm.lower() != "sha-256" or not (value.startswith(":") and value.endswith(":")):
            continue
        try:
            digest = base64.b64decode(value.strip(":"), validate=True)
        except binascii.Error:
            return None
        return digest.hex() if len(digest) == 32 else None
    return None


def etag(sha256: str) -> str:
    """Return the entity tag of content with this digest."""
    return f'"{sha256}"'


def sha256_of(path: Path) -> str:
    """Return the hex sha256 of a file's content; blocks while it reads."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
