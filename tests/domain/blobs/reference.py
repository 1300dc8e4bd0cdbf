"""A second, naive reader of ``docs/blob-format.md``: whole bodies, no ranges, none of our code."""

import io
from uuid import UUID

import zstandard
from cryptography.hazmat.primitives.ciphers.aead import AESGCM


def decompressed(stored: bytes) -> bytes:
    """Return what any zstd decoder finds, the seek table skipped."""
    decoder = zstandard.ZstdDecompressor().stream_reader(
        io.BytesIO(stored), read_across_frames=True
    )
    return decoder.read()


def opened(stored: bytes, data_key: bytes, blob_id: UUID) -> bytes:
    """Return what was sealed."""
    cut = [stored[at : at + 65552] for at in range(0, len(stored), 65552)]
    associated = b"strongroom.frame.v1" + blob_id.bytes
    original = b""
    for number, frame in enumerate(cut):
        ends = number == len(cut) - 1
        nonce = number.to_bytes(11, "big") + bytes([ends])
        original += AESGCM(data_key).decrypt(nonce, frame, associated)
    return original


def unwrapped(wrapped: bytes, master_key: bytes, master: str, blob_id: UUID) -> bytes:
    """Return the data key."""
    associated = b"strongroom.datakey.v1" + blob_id.bytes + master.encode()
    return AESGCM(master_key).decrypt(wrapped[:12], wrapped[12:], associated)
