"""Bodies for blobs: whole, in pieces, and such that break in the middle."""

import asyncio
from collections.abc import AsyncIterator
from random import Random

MIB = 1024 * 1024


class SourceBroke(Exception):
    """The client that sent the body went away."""


def some_bytes(size: int, seed: int = 1) -> bytes:
    return Random(seed).randbytes(size)


async def in_pieces(data: bytes, piece_bytes: int) -> AsyncIterator[bytes]:
    for at in range(0, len(data), piece_bytes):
        yield data[at : at + piece_bytes]
        await asyncio.sleep(0)


async def breaking_after(size: int, error: Exception) -> AsyncIterator[bytes]:
    async for piece in in_pieces(bytes(size), 256 * 1024):
        yield piece
    raise error


async def stalling_after(size: int, stalled: asyncio.Event) -> AsyncIterator[bytes]:
    async for piece in in_pieces(bytes(size), 256 * 1024):
        yield piece
    stalled.set()
    await asyncio.Event().wait()


async def repeated(piece: bytes, times: int) -> AsyncIterator[bytes]:
    for _ in range(times):
        yield piece
