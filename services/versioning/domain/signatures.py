"""Signatures of commits and tags: Ed25519 (RFC 8032) over a text that names one of them.

The payload is specified in ``docs/versioning-format.md``.
"""

import base64
import binascii
from hashlib import sha256
from typing import Literal

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from msgspec import Struct

from services.versioning.domain.errors import InvalidKey, InvalidSignatureText

Kind = Literal["commit", "tag"]

KEY_BYTES = 32
SIGNATURE_BYTES = 64


def payload(kind: Kind, target: bytes) -> bytes:
    """Return what is signed of a commit or a tag: text, so that anybody can make it anywhere."""
    return f"strongroom-signature-v1\n{kind}\n{target.hex()}".encode()


def key_id_of(public_key: bytes) -> bytes:
    """Return the name of a key: the sha256 of its 32 bytes."""
    return sha256(public_key).digest()


def is_valid(public_key: bytes, signature: bytes, kind: Kind, target: bytes) -> bool:
    """Tell whether a key signed a commit or a tag."""
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, payload(kind, target))
    except (InvalidSignature, ValueError):
        return False
    return True


def parse_key(text: str) -> bytes:
    """Read a public key out of base64; raises ``InvalidKey``."""
    key = _base64(text)
    if key is None or len(key) != KEY_BYTES:
        raise InvalidKey(f"a public key is {KEY_BYTES} bytes in base64")
    return key


def parse_signature(text: str) -> bytes:
    """Read a signature out of base64; raises ``InvalidSignatureText``."""
    signature = _base64(text)
    if signature is None or len(signature) != SIGNATURE_BYTES:
        raise InvalidSignatureText(f"a signature is {SIGNATURE_BYTES} bytes in base64")
    return signature


class PrivateKey(Struct, frozen=True):
    """A key that signs."""

    seed: bytes
    """The 32 bytes that RFC 8032 calls the private key."""

    @property
    def public_key(self) -> bytes:
        """The 32 bytes that prove its signatures."""
        public = Ed25519PrivateKey.from_private_bytes(self.seed).public_key()
        return public.public_bytes(Encoding.Raw, PublicFormat.Raw)

    def sign(self, kind: Kind, target: bytes) -> bytes:
        """Return the 64 bytes of the signature of a commit or a tag."""
        return Ed25519PrivateKey.from_private_bytes(self.seed).sign(payload(kind, target))


def _base64(text: str) -> bytes | None:
    padded = text if len(text) % 4 == 0 else text + "=" * (-len(text) % 4)
    try:
        return base64.b64decode(padded, validate=True)
    except (binascii.Error, ValueError):
        return None
