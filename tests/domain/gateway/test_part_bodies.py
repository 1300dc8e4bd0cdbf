"""Bodies that break off: what came comes out, and why no more does."""

import asyncio
from collections.abc import Iterable

import pytest

from libs.contracts.problems import ServiceUnavailable
from services.gateway.domain.failures import BodyIncomplete, BodyTooLarge
from services.gateway.edge.asgi import Message
from services.gateway.transfer.part_bodies import PartBody


class Sender:
    """A connection that brings these chunks, and then is silent, breaks or is at its end."""

    def __init__(self, chunks: Iterable[bytes], then: str) -> None:
        self._chunks = list(chunks)
        self._then = then

    async def receive(self) -> Message:
        if self._chunks:
            chunk = self._chunks.pop(0)
            is_last = not self._chunks and self._then == "end"
            return {"type": "http.request", "body": chunk, "more_body": not is_last}
        if self._then == "break":
            raise BodyIncomplete("the connection ended")
        await asyncio.Event().wait()
        raise AssertionError("nobody waits that long")


def a_body(sender: Sender, *, wanted: bool = False, leaving: bool = False) -> PartBody:
    return PartBody(sender.receive, 10, wanted=lambda: wanted, leaving=lambda: leaving)


async def read(body: PartBody) -> bytes:
    return b"".join([chunk async for chunk in body.chunks()])


async def test_a_whole_body_is_not_broken() -> None:
    body = a_body(Sender([b"12345", b"67890"], "end"))

    assert await read(body) == b"1234567890"
    assert body.broken is None


async def test_what_came_before_a_break_comes_out() -> None:
    body = a_body(Sender([b"12345"], "break"))

    assert await read(body) == b"12345"
    assert isinstance(body.broken, BodyIncomplete)


async def test_a_silent_body_ends_when_another_request_wants_to_go_on() -> None:
    body = a_body(Sender([b"12345"], "silence"), wanted=True)

    assert await read(body) == b"12345"
    assert isinstance(body.broken, BodyIncomplete)


async def test_a_body_ends_when_its_gateway_leaves() -> None:
    body = a_body(Sender([b"12345", b"67890"], "silence"), leaving=True)

    assert await read(body) == b"12345"
    assert isinstance(body.broken, ServiceUnavailable)


async def test_a_byte_too_many_is_not_passed_on() -> None:
    chunks = a_body(Sender([b"12345", b"678901"], "end")).chunks()

    assert await anext(chunks) == b"12345"
    with pytest.raises(BodyTooLarge):
        await anext(chunks)
