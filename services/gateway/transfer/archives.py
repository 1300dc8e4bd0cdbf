"""Zip archives, made while they are sent: no temporary file, bounded memory.

zlib and the layout of a zip are work for a thread, reading from the store is work for the loop:
each archive has one thread, and a short queue between the two. Not a thread of the pool that all
share: it waits for the loop, which waits for that pool to hash.
"""

import asyncio
import queue
from collections import deque
from collections.abc import AsyncGenerator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing
from typing import cast

import stream_zip
from litestar.types import ASGIApp, Receive, Scope, Send

from libs.blobs.depot import Depot
from services.gateway.domain.archives import MEDIA_TYPE, Member, disposition
from services.gateway.domain.failures import FileDamaged
from services.gateway.edge.asgi import Receive as RawReceive
from services.gateway.edge.asgi import Send as RawSend
from services.gateway.edge.budget import Budget
from services.gateway.edge.cancelling import cancel
from services.gateway.edge.platform import Platform
from services.gateway.settings import Settings
from services.gateway.transfer.damage import reported
from services.gateway.transfer.downloads import Lines, proof_of
from services.gateway.transfer.hashing import StreamHash
from services.gateway.transfer.sending import send_body

HELD_BYTES = 16 * 1024 * 1024
"""What one archive holds: small files read ahead, pieces that wait for zlib, the one being sent."""

SMALL_BYTES = 512 * 1024
"""A file up to this size is read whole, while those before it are compressed."""

FILES_AHEAD = 12
PIECES_AHEAD = 4
CHUNK_BYTES = 256 * 1024
MODE = 0o100644

Event = Member | bytes | None
"""A file begins, goes on, ends."""


class Archives:
    """Opens archives for answers, within the budget that all transfers share."""

    def __init__(
        self, platform: Platform, depot: Depot, budget: Budget, settings: Settings
    ) -> None:
        self._platform = platform
        self._depot = depot
        self._budget = budget
        self._idle_s = settings.download_idle_timeout_s

    def open(self, bucket: str, prefix: str, members: AsyncGenerator[Member, None]) -> ASGIApp:
        """Return the answer with these files in a zip.

        A file that turns out damaged cuts the connection: without its last record no reader takes
        the archive for whole.
        """
        headers: Lines = [
            (b"content-type", MEDIA_TYPE.encode()),
            (b"content-disposition", disposition(bucket, prefix).encode("latin-1")),
            (b"cache-control", b"private, no-store"),
            (b"x-content-type-options", b"nosniff"),
        ]

        async def answer(scope: Scope, receive: Receive, send: Send) -> None:
            async with aclosing(members), self._budget.hold(HELD_BYTES):
                await send({"type": "http.response.start", "status": 200, "headers": headers})
                await send_body(
                    zipped(self._events(members)),
                    cast("RawReceive", receive),
                    cast("RawSend", send),
                    idle_s=self._idle_s,
                )

        return answer

    async def _events(self, members: AsyncGenerator[Member, None]) -> AsyncGenerator[Event, None]:
        """Yield each member, its bytes and its end; small ones were read before their turn."""
        waiting: deque[tuple[Member, asyncio.Task[bytes] | None]] = deque()
        try:
            async for member in members:
                is_small = member.blob.size <= SMALL_BYTES
                reading = asyncio.create_task(self._whole(member)) if is_small else None
                waiting.append((member, reading))
                if len(waiting) > FILES_AHEAD:
                    async for event in self._told(*waiting[0]):
                        yield event
                    waiting.popleft()
            while waiting:
                async for event in self._told(*waiting[0]):
                    yield event
                waiting.popleft()
        finally:
            await cancel(reading for _, reading in waiting if reading is not None)

    async def _told(
        self, member: Member, reading: "asyncio.Task[bytes] | None"
    ) -> AsyncGenerator[Event, None]:
        yield member
        if reading is not None:
            yield await reading
        else:
            async with aclosing(self._pieces(member)) as pieces:
                async for piece in pieces:
                    yield piece
        yield None

    async def _whole(self, member: Member) -> bytes:
        async with aclosing(self._pieces(member)) as pieces:
            return b"".join([piece async for piece in pieces])

    async def _pieces(self, member: Member) -> AsyncGenerator[bytes, None]:
        """Yield the file's bytes; raises ``FileDamaged`` at their end unless they are right."""
        digest, expected = proof_of(member.blob)
        hashed = StreamHash(digest)
        async with reported(self._platform, member.blob):
            async with await self._depot.read(member.blob) as body:
                async for piece in body:
                    await hashed.update(piece)
                    yield piece
            if await hashed.hexdigests() != [expected]:
                raise FileDamaged("the stored bytes are not those that were uploaded")


async def zipped(events: AsyncGenerator[Event, None]) -> AsyncGenerator[bytes, None]:
    """Yield the zip archive of the files that ``events`` tells of."""
    between = _Between(asyncio.get_running_loop())
    feeding = asyncio.create_task(between.feed(events))
    thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="archive")
    chunks = iter(stream_zip.stream_zip(between.files(), chunk_size=CHUNK_BYTES))
    loop = asyncio.get_running_loop()
    try:
        while chunk := await loop.run_in_executor(thread, next, chunks, b""):
            yield chunk
    finally:
        await cancel([feeding])
        between.end()
        thread.shutdown(wait=False)


class _Between:
    """The short queue between the loop, which puts events in, and the thread, which takes them."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._room = asyncio.Semaphore(PIECES_AHEAD)
        self._queue: queue.SimpleQueue[Event | _End] = queue.SimpleQueue()

    async def feed(self, events: AsyncGenerator[Event, None]) -> None:
        """Put all events in, then the end or what ended them."""
        try:
            async with aclosing(events):
                async for event in events:
                    await self._room.acquire()
                    self._queue.put(event)
        except Exception as failure:  # noqa: BLE001 - it comes out of the archive
            self._queue.put(_End(failure))
        else:
            self._queue.put(_End(None))

    def end(self) -> None:
        """Let the thread end that waits for more."""
        self._queue.put(_End(asyncio.CancelledError()))

    def files(self) -> Iterator[stream_zip.MemberFile]:
        """Yield what ``stream_zip`` takes; in the thread."""
        while isinstance(member := self._take(), Member):
            method = stream_zip.ZIP_AUTO(member.blob.size, level=member.level)
            yield member.name, member.time, MODE, method, self._pieces()

    def _pieces(self) -> Iterator[bytes]:
        while isinstance(piece := self._take(), bytes):
            yield piece

    def _take(self) -> "Event | _End":
        event = self._queue.get()
        if isinstance(event, _End):
            if event.failure is not None:
                raise event.failure
        else:
            self._loop.call_soon_threadsafe(self._room.release)
        return event


class _End:
    """No event follows; ``failure`` says why, unless all have come."""

    def __init__(self, failure: BaseException | None) -> None:
        self.failure = failure
