"""Sealed frames: AES-256-GCM over 64 KiB each, in the STREAM construction.

Hoang, Reyhanitabar, Rogaway, Vizár: Online Authenticated-Encryption and its Nonce-Reuse
Misuse-Resistance (CRYPTO 2015). Each frame's nonce is its number and whether it is the last one,
its associated data are the blob's id. So a frame opens in its own place of its own blob only, and
bytes that end behind another frame than the last do not open.
"""

from typing import NamedTuple
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from libs.blobs.encoding.damage import Damaged

FRAME_BYTES = 64 * 1024
"""Of what is sealed; the last frame may have less, and is empty only when it is the only one."""
TAG_BYTES = 16
SEALED_FRAME_BYTES = FRAME_BYTES + TAG_BYTES

_BOUND_TO = b"strongroom.frame.v1"


def frame_count(size: int) -> int:
    """Return how many frames ``size`` bytes are sealed in: nothing is sealed in an empty one."""
    return max(1, -(-size // FRAME_BYTES))


def sealed_size(size: int) -> int:
    """Return how many bytes ``size`` bytes are when they are sealed."""
    return size + TAG_BYTES * frame_count(size)


def opened_size(stored_size: int) -> int:
    """Return how many bytes were sealed; raises ``Damaged`` for a size that nothing sealed has."""
    frames = -(-stored_size // SEALED_FRAME_BYTES)
    size = stored_size - TAG_BYTES * frames
    if size < 0 or sealed_size(size) != stored_size:
        raise Damaged(f"nothing sealed has {stored_size} bytes")
    return size


class FrameRange(NamedTuple):
    """The frames that hold a range, and where they lie."""

    first: int
    stored_start: int
    stored_end: int
    skip: int
    """How many bytes of the first frame come before the range."""


def frames_of(start: int, end: int, size: int) -> FrameRange:
    """Return where ``start`` to before ``end`` of ``size`` bytes lies; the range is not empty."""
    first, behind_last = start // FRAME_BYTES, frame_count(end)
    return FrameRange(
        first=first,
        stored_start=first * SEALED_FRAME_BYTES,
        stored_end=min(behind_last * SEALED_FRAME_BYTES, sealed_size(size)),
        skip=start - first * FRAME_BYTES,
    )


class FrameCipher:
    """Seals and opens the frames of one blob. A data key seals one body, once."""

    def __init__(self, data_key: bytes, blob_id: UUID) -> None:
        self._cipher = AESGCM(data_key)
        self._bound_to = _BOUND_TO + blob_id.bytes

    def seal(self, first: int, body: bytes | bytearray, *, ends: bool) -> bytes:
        """Return ``body`` in frames numbered from ``first``; the last one is marked if it ends."""
        view, numbers = memoryview(body), range(frame_count(len(body)))
        return b"".join(
            self._cipher.encrypt(
                _nonce(first + number, last=ends and number == numbers[-1]),
                view[number * FRAME_BYTES : (number + 1) * FRAME_BYTES],
                self._bound_to,
            )
            for number in numbers
        )

    def open(self, first: int, stored: bytes | bytearray, *, last: int) -> bytes:
        """Return what the frames from number ``first`` on hold; ``last`` ends the whole blob.

        Raises ``Damaged``.
        """
        view = memoryview(stored)
        numbers = range(-(-len(stored) // SEALED_FRAME_BYTES))
        try:
            return b"".join(
                self._cipher.decrypt(
                    _nonce(first + number, last=first + number == last),
                    view[number * SEALED_FRAME_BYTES : (number + 1) * SEALED_FRAME_BYTES],
                    self._bound_to,
                )
                for number in numbers
            )
        except InvalidTag:
            raise Damaged("a sealed frame does not open") from None


def _nonce(number: int, *, last: bool) -> bytes:
    return number.to_bytes(11, "big") + (b"\x01" if last else b"\x00")
