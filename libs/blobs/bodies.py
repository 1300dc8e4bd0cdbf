"""What all drivers do alike with a body on its way in, and with a range on its way out."""

from collections.abc import AsyncGenerator, AsyncIterator

from libs.blobs.contract import Body
from libs.blobs.failures import BlobTooLarge, BodySizeMismatch, RangeNotSatisfiable

CHUNK_BYTES = 1024 * 1024


async def pieces_of(key: str, body: Body, size: int | None) -> AsyncGenerator[bytes, None]:
    """Yield ``body`` in the pieces it comes in, and raise when they do not add up to ``size``.

    Too much is noticed at the piece that exceeds, before it is passed on.
    """
    got = 0
    async for piece in _pieces(body):
        got += len(piece)
        if size is not None and got > size:
            raise BodySizeMismatch(key, announced=size, got=got)
        if piece:
            yield piece
    if size is not None and got != size:
        raise BodySizeMismatch(key, announced=size, got=got)


async def by_the_megabyte(pieces: AsyncIterator[bytes]) -> AsyncGenerator[bytes, None]:
    """Yield the same bytes in pieces of at least ``CHUNK_BYTES``, the last one excepted.

    For who pays by the piece; large pieces are passed on as they are.
    """
    gathered: list[bytes] = []
    gathered_bytes = 0
    async for piece in pieces:
        gathered.append(piece)
        gathered_bytes += len(piece)
        if gathered_bytes >= CHUNK_BYTES:
            yield gathered[0] if len(gathered) == 1 else b"".join(gathered)
            gathered, gathered_bytes = [], 0
    if gathered:
        yield gathered[0] if len(gathered) == 1 else b"".join(gathered)


async def _pieces(body: Body) -> AsyncIterator[bytes]:
    if isinstance(body, bytes):
        yield body
        return
    async for piece in body:
        yield piece


async def take(pieces: AsyncIterator[bytes], limit: int) -> tuple[list[bytes], bool]:
    """Return the first pieces, a little over ``limit`` bytes, and whether they were all."""
    taken: list[bytes] = []
    taken_bytes = 0
    async for piece in pieces:
        taken.append(piece)
        taken_bytes += len(piece)
        if taken_bytes > limit:
            return taken, False
    return taken, True


async def chained(
    key: str, first: list[bytes], rest: AsyncIterator[bytes], *, most: int
) -> AsyncGenerator[bytes, None]:
    """Yield ``first``, letting go of each piece, then ``rest``; raise above ``most`` bytes."""
    total = 0
    first.reverse()
    while first:
        total += len(first[-1])
        yield first.pop()
    async for piece in rest:
        total += len(piece)
        if total > most:
            raise BlobTooLarge(key, most=most, advice="announce its size")
        yield piece


async def slices_of(body: bytes) -> AsyncGenerator[bytes, None]:
    """Yield views of a large body, so that it is not copied to be sent in parts."""
    view = memoryview(body)
    for at in range(0, len(body), CHUNK_BYTES):
        yield view[at : at + CHUNK_BYTES]  # type: ignore[misc]  # obstore takes any buffer


async def nothing() -> AsyncGenerator[bytes, None]:
    """Yield no bytes."""
    return
    yield b""


def check_size(key: str, got: int, announced: int | None) -> None:
    """Raise ``BodySizeMismatch`` unless the body has the size announced, if there was one."""
    if announced is not None and announced != got:
        raise BodySizeMismatch(key, announced=announced, got=got)


def check_range(key: str, start: int, end: int | None) -> None:
    """Raise ``RangeNotSatisfiable`` for what is no range of any blob."""
    if start < 0 or (end is not None and end < start):
        raise RangeNotSatisfiable(key, start=start, end=end)


def clip_range(key: str, start: int, end: int | None, size: int) -> int:
    """Return where the range really ends in a blob of ``size``; raise when it starts behind it."""
    if start > size:
        raise RangeNotSatisfiable(key, start=start, end=end, size=size)
    return size if end is None else min(end, size)
