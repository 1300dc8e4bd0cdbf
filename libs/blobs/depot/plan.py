"""What is to be done to bytes on their way in, and what was done."""

from msgspec import Struct

from libs.contracts.storage import Backend, Codec, Compression, Encryption, SealedKey


class Plan(Struct, frozen=True, kw_only=True):
    """What a bucket wants done to the bytes that are put into it."""

    compression: Compression = "off"
    """``auto`` compresses what type and first bytes say will pay; ``zstd`` all but tiny bodies."""
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
