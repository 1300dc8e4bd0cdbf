"""Downloads: the bytes that were uploaded, or an error; never others, never fewer in silence."""

import hashlib
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, aclosing
from functools import partial
from typing import NamedTuple, cast

from blake3 import blake3
from litestar.types import ASGIApp, Receive, Scope, Send

from libs.blobs.contract import BlobBody
from libs.blobs.depot import Depot
from libs.contracts.storage import BlobPlace
from services.gateway.cache.contents import Contents
from services.gateway.cache.records import Records
from services.gateway.domain.failures import FileDamaged
from services.gateway.domain.ranges import ByteRange
from services.gateway.edge.asgi import Receive as RawReceive
from services.gateway.edge.asgi import Send as RawSend
from services.gateway.edge.budget import Budget
from services.gateway.edge.platform import Platform
from services.gateway.settings import Settings
from services.gateway.transfer.ahead import read_ahead
from services.gateway.transfer.damage import reported
from services.gateway.transfer.hashing import Digest, StreamHash
from services.gateway.transfer.sending import send_body

SMALL_BYTES = 1024 * 1024
LARGE_BYTES = 4 * 1024 * 1024
"""What one download holds: a few chunks read ahead and the one being sent."""

PIECES_AHEAD = 2

Lines = list[tuple[bytes, bytes]]


class Proof(NamedTuple):
    """A digest to run beside the bytes, and what it must come to."""

    digest: Digest
    expected: str


class Downloads:
    """Opens blobs for answers, within the budget that all transfers share."""

    def __init__(
        self,
        platform: Platform,
        depot: Depot,
        records: Records,
        contents: Contents,
        budget: Budget,
        settings: Settings,
    ) -> None:
        self.platform = platform
        self.records = records
        self.contents = contents
        self._depot = depot
        self._budget = budget
        self._idle_s = settings.download_idle_timeout_s

    async def open(self, blob: BlobPlace, part: ByteRange | None, headers: Lines) -> ASGIApp:
        """Return the answer with these bytes; raises while there still can be another answer."""
        if self.contents.takes(blob):
            return await self._remembered(blob, part, headers)
        return await self._stream(blob, part, headers)

    async def whole(self, blob: BlobPlace) -> bytes:
        """Return all bytes, proven; whoever asks has looked at their size."""
        if self.contents.takes(blob):
            return await self.contents.get(blob, partial(self._read_proven, blob))
        return await self._read_proven(blob)

    async def _remembered(self, blob: BlobPlace, part: ByteRange | None, headers: Lines) -> ASGIApp:
        """Return the answer from memory; what is not there yet is read and proven as a whole."""
        body = await self.contents.get(blob, partial(self._read_proven, blob))
        if part is None:
            return ready(200, headers, body)
        return ready(206, headers, body[part.start : part.end])

    async def _read_proven(self, blob: BlobPlace) -> bytes:
        async with reported(self.platform, blob):
            body = await (await self._depot.read(blob)).read()
            proof = proof_of(blob)
            proof.digest.update(body)
            if proof.digest.hexdigest() != proof.expected:
                raise FileDamaged("the stored bytes are not those that were uploaded")
        return body

    async def _stream(self, blob: BlobPlace, part: ByteRange | None, headers: Lines) -> "Download":
        async with AsyncExitStack() as stack:
            length = part.length if part else blob.size
            if length > SMALL_BYTES:
                await stack.enter_async_context(self._budget.hold(LARGE_BYTES))
            async with reported(self.platform, blob):
                body = await (
                    self._depot.read(blob, start=part.start, end=part.end)
                    if part
                    else self._depot.read(blob)
                )
            stack.push_async_callback(body.close)
            status = 206 if part else 200
            proof = None if part else proof_of(blob)
            watched = partial(reported, self.platform, blob)
            download = Download(status, headers, body, length, proof, self._idle_s, watched)
            stack.push_async_callback(download.stop)
            await download.begin(whole=length <= SMALL_BYTES)
            download.holds = stack.pop_all()
        return download

    async def open_compressed(self, blob: BlobPlace, headers: Lines) -> "Download":
        """Return the answer with the bytes as they were compressed, for who takes them apart.

        They are taken apart here as well, to prove them: what is saved are bytes on the line.
        """
        async with AsyncExitStack() as stack:
            if blob.size > SMALL_BYTES:
                await stack.enter_async_context(self._budget.hold(LARGE_BYTES))
            proof = proof_of(blob)
            hashed = StreamHash(proof.digest)
            watched = partial(reported, self.platform, blob)
            async with watched():
                body = await self._depot.read_compressed(blob, hashed.update)
            stack.push_async_callback(body.close)
            download = Download(200, headers, body, body.size, proof, self._idle_s, watched, hashed)
            stack.push_async_callback(download.stop)
            await download.begin(whole=blob.size <= SMALL_BYTES)
            download.holds = stack.pop_all()
        return download


class Download:
    """An answer that streams: an ASGI application.

    A whole file is hashed on its way, and its last piece is held back until the hash is right.
    """

    def __init__(
        self,
        status: int,
        headers: Lines,
        body: BlobBody,
        length: int,
        proof: Proof | None,
        idle_s: float,
        watched: Callable[[], AbstractAsyncContextManager[None]],
        hashed: StreamHash | None = None,
    ) -> None:
        """Damage that is found inside of ``watched()`` is reported. ``hashed`` takes in what the
        pieces stand for, where it is not the pieces themselves.
        """
        self._status = status
        self._headers = headers
        self._body = body
        self._length = length
        self._proof = proof
        self._idle_s = idle_s
        self._watched = watched
        self._hashed = hashed
        self._pieces = self._verified()
        self._begun: list[bytes] = []
        self._is_whole = False
        self.holds = AsyncExitStack()
        """What is let go of at the end: memory, and the blob."""

    async def begin(self, *, whole: bool) -> None:
        """Read and verify a small file, or the beginning of a large one: while a failure can still
        be told.
        """
        async for piece in self._pieces:
            self._begun.append(piece)
            if not whole:
                return
        self._is_whole = True

    async def stop(self) -> None:
        """Read no more; may be called twice."""
        await self._pieces.aclose()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send all, or cut the connection."""
        async with self.holds:
            start = {
                "type": "http.response.start",
                "status": self._status,
                "headers": self._headers,
            }
            await send(start)  # type: ignore[arg-type]
            if self._is_whole:
                body = b"".join(self._begun)
                await send({"type": "http.response.body", "body": body, "more_body": False})
                return
            await send_body(
                self._from_the_first(),
                cast("RawReceive", receive),
                cast("RawSend", send),
                idle_s=self._idle_s,
            )

    async def _from_the_first(self) -> AsyncGenerator[bytes, None]:
        while self._begun:
            yield self._begun.pop(0)
        async for piece in self._pieces:
            yield piece

    async def _verified(self) -> AsyncGenerator[bytes, None]:
        """Yield the blob's bytes, and report what is wrong with them."""
        async with self._watched(), aclosing(self._proven()) as pieces:
            async for piece in pieces:
                yield piece

    async def _proven(self) -> AsyncGenerator[bytes, None]:
        """Yield the blob's bytes, each piece only when the next one or the right hash is there."""
        proof = self._proof
        hashed = self._hashed or (StreamHash(proof.digest) if proof is not None else None)
        held: bytes | None = None
        async with aclosing(read_ahead(_pieces_of(self._body), lambda: PIECES_AHEAD)) as pieces:
            async for piece in pieces:
                if hashed is not None and hashed is not self._hashed:
                    await hashed.update(piece)
                if held is not None:
                    yield held
                held = piece
        if hashed and proof and await hashed.hexdigests() != [proof.expected]:
            raise FileDamaged("the stored bytes are not those that were uploaded")
        if held is not None:
            yield held


def proof_of(blob: BlobPlace) -> Proof:
    """Return the cheapest way to prove the bytes: BLAKE3 takes a quarter of SHA-256's time."""
    if blob.blake3 is not None:
        return Proof(blake3(), blob.blake3)
    return Proof(hashlib.sha256(), blob.sha256)


def ready(status: int, headers: Lines, body: bytes) -> ASGIApp:
    """Return an answer that is known completely."""

    async def send_all(scope: Scope, receive: Receive, send: Send) -> None:
        # A copy: whoever sends adds to it, and the lines may be another answer's, too.
        start = {"type": "http.response.start", "status": status, "headers": list(headers)}
        await send(start)  # type: ignore[arg-type]
        await send({"type": "http.response.body", "body": body, "more_body": False})

    return send_all


async def _pieces_of(body: BlobBody) -> AsyncGenerator[bytes, None]:
    async for piece in body:
        yield piece
