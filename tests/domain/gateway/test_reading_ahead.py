"""Pieces come in their order, ahead of their reader, and never more than allowed."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

import pytest

from services.gateway.transfer.ahead import read_ahead


class Source:
    """Pieces 0 to 9, and what became of them."""

    def __init__(self, *, breaks_at: int | None = None) -> None:
        self.given = 0
        self.closed = False
        self._breaks_at = breaks_at

    async def pieces(self) -> AsyncGenerator[bytes, None]:
        try:
            for number in range(10):
                if number == self._breaks_at:
                    raise OSError("the line broke")
                self.given += 1
                yield b"%d" % number
        finally:
            self.closed = True


async def idle() -> None:
    for _ in range(50):
        await asyncio.sleep(0)


async def test_all_pieces_come_in_order() -> None:
    source = Source()

    async with aclosing(read_ahead(source.pieces(), lambda: 3)) as pieces:
        got = [piece async for piece in pieces]

    assert got == [b"%d" % number for number in range(10)]
    assert source.closed


@pytest.mark.parametrize("most", [1, 3])
async def test_no_more_than_allowed_is_fetched(most: int) -> None:
    source = Source()

    async with aclosing(read_ahead(source.pieces(), lambda: most)) as pieces:
        await anext(pieces)
        await idle()
        fetched = source.given

    # The one taken, those that wait, and the one that waits for room.
    assert fetched == 1 + most + 1
    assert source.closed


async def test_a_failure_comes_after_the_pieces_before_it() -> None:
    async with aclosing(read_ahead(Source(breaks_at=4).pieces(), lambda: 9)) as pieces:
        await idle()
        got = [await anext(pieces) for _ in range(4)]
        with pytest.raises(OSError, match="the line broke"):
            await anext(pieces)

    assert got == [b"0", b"1", b"2", b"3"]


async def test_stopping_early_stops_the_source() -> None:
    source = Source()

    async with aclosing(read_ahead(source.pieces(), lambda: 2)) as pieces:
        await anext(pieces)

    assert source.closed
    assert source.given < 10
