"""What is to be done to bytes on their way in, and what was done."""

from typing import Literal

from msgspec import Struct

from libs.contracts.storage import Backend, Codec, SealedKey

Compression = Literal["off", "auto", "zstd"]
Encryption = Literal["off", "aes-256-gcm"]


class Plan(Struct, frozen=True, kw_only=True):
    """What a bucket wants done to the bytes that are put into it."""

    compression: Compression = "off"
    """``auto`` compresses what a look at type and first bytes says will pay."""
    encryption: Encryption = "off"
    content_type: str = "application/octet-stream"


PLAIN = Plan()
"""Store the bytes as they are."""


class Encoded(Struct, frozen=True, kw_only=True):
    """A small body as it is to be stored, alone or beside others in one object."""

    stored: bytes
    codec: Codec | None
    sealed: SealedKey | None


class Written(Struct, frozen=True, kw_only=True):
    """What was stored: all that a ``BlobPlace`` says besides where and what the original is."""

    backend: Backend
    size: int
    """Of the original."""
    stored_size: int
    codec: Codec | None
    sealed: SealedKey | None
