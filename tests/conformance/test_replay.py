"""A body is read twice from its first byte, or it is said that this cannot be."""

from collections.abc import AsyncIterator

import pytest

from libs.blobs.contract import Body
from libs.blobs.replay import Replayable
from tests.conformance.bodies import SourceBroke, in_pieces

DATA = bytes(range(100))


async def read(body: Body, *, most: int | None = None) -> bytes:
    if isinstance(body, bytes):
        return body
    got = b""
    async for piece in body:
        got += piece
        if most is not None and len(got) >= most:
            break
    return got


@pytest.mark.parametrize("read_before", [0, 10, 50, 100])
async def test_a_body_of_which_little_was_read_comes_again(read_before: int) -> None:
    body = Replayable(in_pieces(DATA, 10), most_bytes=100)
    if read_before:
        assert await read(body.first(), most=read_before) == DATA[:read_before]

    assert body.can_replay
    assert await read(body.again()) == DATA


async def test_a_body_of_which_much_was_read_does_not() -> None:
    body = Replayable(in_pieces(DATA, 10), most_bytes=40)
    assert await read(body.first(), most=50) == DATA[:50]

    assert not body.can_replay
    with pytest.raises(ValueError, match="gone"):
        body.again()


async def test_bytes_come_again_however_many() -> None:
    body = Replayable(DATA, most_bytes=1)

    assert await read(body.first()) == DATA
    assert body.can_replay
    assert await read(body.again()) == DATA


async def test_a_body_that_broke_does_not_come_again() -> None:
    failure = SourceBroke()

    async def pieces() -> AsyncIterator[bytes]:
        yield DATA
        raise failure

    body = Replayable(pieces(), most_bytes=1000)
    with pytest.raises(SourceBroke):
        await read(body.first())

    assert body.failure is failure
    assert not body.can_replay
