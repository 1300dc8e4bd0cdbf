"""Bytes that nobody stored before: random once, then made different for next to nothing."""

import os
from collections.abc import AsyncIterator, Iterator
from itertools import count

MIB = 1024 * 1024
_NOISE = os.urandom(MIB)
_RUN = os.urandom(16)
_numbers = count()


def unique(size: int) -> bytes:
    """Return a body of ``size`` bytes, at least 24, unlike every other one of any run."""
    return _stamp() + _NOISE[: size - 24]


def stamped(body: bytes) -> bytes:
    """Return ``body`` with a beginning unlike every other one of any run."""
    return _stamp() + body[24:]


def pieces(size: int) -> Iterator[bytes]:
    """Yield ``size`` bytes, a multiple of 1 MiB, by the megabyte: each piece is unlike others."""
    for _ in range(size // MIB):
        yield unique(MIB)


async def pieces_async(size: int) -> AsyncIterator[bytes]:
    """Yield the same as ``pieces``."""
    for piece in pieces(size):
        yield piece


def _stamp() -> bytes:
    return _RUN + next(_numbers).to_bytes(8, "big")
