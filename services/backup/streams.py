"""Lists of files as streams of lines: none is ever whole in memory."""

from collections.abc import AsyncIterable, AsyncIterator, Callable
from typing import TypeVar

from services.backup.domain.lines import LineSplitter

T = TypeVar("T")


class LineUnfinished(ValueError):
    """The last line has no end: something was cut off."""


async def lines_of(pieces: AsyncIterable[bytes]) -> AsyncIterator[bytes]:
    """Yield the lines in ``pieces``, without their line feeds."""
    splitter = LineSplitter()
    async for piece in pieces:
        for line in splitter.feed(piece):
            yield line
    if splitter.unfinished():
        raise LineUnfinished("the last line has no end")


async def in_batches(
    items: AsyncIterable[T],
    *,
    most: int,
    most_weight: int | None = None,
    weigh: Callable[[T], int] = lambda _: 0,
) -> AsyncIterator[list[T]]:
    """Yield lists of up to ``most`` items that weigh ``most_weight`` or little more together."""
    batch: list[T] = []
    weight = 0
    async for item in items:
        batch.append(item)
        weight += weigh(item)
        if len(batch) == most or (most_weight is not None and weight >= most_weight):
            yield batch
            batch, weight = [], 0
    if batch:
        yield batch
