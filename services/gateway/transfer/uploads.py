"""Uploads: the intent first, then the bytes, then the record; or nothing at all."""

import asyncio
import hashlib
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Sequence
from contextlib import aclosing
from typing import NamedTuple
from uuid import UUID

from blake3 import blake3
from msgspec import Struct
from msgspec.structs import replace
from prometheus_client import Gauge

from libs.blobs.depot import Depot, Plan
from libs.blobs.failures import BodySizeMismatch
from libs.chassis.crashpoint import crashpoint
from libs.contracts.problems import AnsweredWithProblem, Problem, ServiceUnavailable
from libs.contracts.storage import AbortUpload, BeginUpload, CommitUpload, FilePut, UploadTicket
from services.gateway.domain.failures import BodyIncomplete, BodyTooLarge, DigestMismatch
from services.gateway.domain.sniffing import content_type_of
from services.gateway.edge.asgi import Receive
from services.gateway.edge.budget import Budget
from services.gateway.edge.platform import Platform
from services.gateway.settings import Settings
from services.gateway.transfer.ahead import read_ahead
from services.gateway.transfer.hashing import StreamHash, in_large_pieces
from services.gateway.transfer.plans import Plans, is_outdated
from services.gateway.transfer.small_files import SmallFile, SmallFiles

LARGE_BYTES = 16 * 1024 * 1024
"""What one upload in parts holds: the parts on their way and the one being filled."""

MOST_PIECES_AHEAD = 5

IN_FLIGHT = Gauge("strongroom_uploads_in_flight", "Uploads whose bytes are coming.")

log = logging.getLogger(__name__)


class Announced(Struct, frozen=True):
    """What the headers say about the body."""

    size: int | None
    """``Content-Length``; absent when the body is chunked."""
    digests: frozenset[str]
    """SHA-256 of ``Repr-Digest`` and ``Content-Digest``."""
    content_type: bool = True
    """Whether the body's type was said; else it is found out."""

    def check(self, size: int, sha256: str) -> None:
        """Raise unless the body was as announced."""
        if self.size is not None and size != self.size:
            raise BodyIncomplete(f"{size} bytes came, {self.size} were announced")
        for digest in self.digests:
            if digest != sha256:
                raise DigestMismatch("the bytes changed on their way", announced=digest, got=sha256)


class UploadDepots(NamedTuple):
    """Two ways to the same stores."""

    fast: Depot
    lean: Depot
    """Holds as little as can be of each upload, for when there are many."""


class Uploads:
    """Takes bodies to the store, within the budget that all transfers share."""

    def __init__(
        self,
        platform: Platform,
        depots: UploadDepots,
        plans: Plans,
        budget: Budget,
        settings: Settings,
    ) -> None:
        self.platform = platform
        self._depots = depots
        self._plans = plans
        self._small_files = SmallFiles(platform, depots.fast)
        self._budget = budget
        self._settings = settings
        self._aborting: set[asyncio.Task[None]] = set()

    async def put(self, begin: BeginUpload, announced: Announced, receive: Receive) -> FilePut:
        """Store the body as ``begin`` wants it; whatever fails, nothing of it stays."""
        if announced.size is not None and announced.size > self._settings.max_upload_bytes:
            raise self._too_large()
        with IN_FLIGHT.track_inprogress():
            async with aclosing(self._chunks(receive)) as chunks:
                begun, is_all = await self._begin_of(chunks)
                begin = _typed(begin, announced, begun)
                if begin.hold or not is_all:
                    async with self._budget.hold(min(announced.size or LARGE_BYTES, LARGE_BYTES)):
                        return await self._put_large(begin, announced, _chain(begun, chunks))
            return await self._put_small(begin, announced, b"".join(begun))

    async def put_pieces(
        self, begin: BeginUpload, announced: Announced, pieces: AsyncIterator[bytes]
    ) -> FilePut:
        """Store what comes from elsewhere than a request's body, however small, in its own object.

        Promises and failures are those of ``put``.
        """
        with IN_FLIGHT.track_inprogress():
            begun, _ = await self._begin_of(pieces)
            begin = _typed(begin, announced, begun)
            async with self._budget.hold(min(announced.size or LARGE_BYTES, LARGE_BYTES)):
                return await self._put_large(begin, announced, _chain(begun, pieces))

    async def _put_small(self, begin: BeginUpload, announced: Announced, body: bytes) -> FilePut:
        """Store what is complete already: a wrong body leaves nothing at all."""
        sha256 = hashlib.sha256(body).hexdigest()
        announced.check(len(body), sha256)
        plan = await self._plans.of(begin)
        file = SmallFile(wish=begin, body=body, sha256=sha256, plan=plan)
        try:
            return await self._small_files.put(file)
        except AnsweredWithProblem as problem:
            if not is_outdated(problem):
                raise
        return await self._small_files.put(replace(file, plan=await self._plans.anew(begin)))

    async def _put_large(
        self, begin: BeginUpload, announced: Announced, chunks: AsyncIterator[bytes]
    ) -> FilePut:
        plan = await self._plans.of(begin)
        ticket = await self.platform.ask(replace(begin, size=announced.size))
        storing = self._store_stream(ticket, plan, announced, chunks)
        try:
            return await self._or_abort(ticket.upload_id, storing)
        except AnsweredWithProblem as problem:
            if not is_outdated(problem):
                raise
            await self._plans.anew(begin)
            raise ServiceUnavailable("the bucket's settings changed", retry_after_s=1) from problem

    async def _store_stream(
        self, ticket: UploadTicket, plan: Plan, announced: Announced, chunks: AsyncIterator[bytes]
    ) -> FilePut:
        hashed = StreamHash(hashlib.sha256(), blake3())
        depot = self._depots.lean if self._budget.is_in_demand else self._depots.fast

        async def pieces() -> AsyncGenerator[bytes, None]:
            async for piece in in_large_pieces(chunks):
                await hashed.update(piece)
                yield piece
            announced.check(hashed.size, (await hashed.hexdigests())[0])

        try:
            async with aclosing(read_ahead(pieces(), self._pieces_ahead)) as ahead:
                written = await depot.write(
                    ticket.key, ahead, blob_id=ticket.upload_id, size=announced.size, plan=plan
                )
        except BodySizeMismatch as error:
            raise BodyIncomplete(
                f"{error.got} bytes came, {error.announced} were announced"
            ) from None
        sha256, check = await hashed.hexdigests()
        return await self._commit(
            CommitUpload(
                upload_id=ticket.upload_id,
                sha256=sha256,
                blake3=check,
                size=hashed.size,
                stored_size=written.stored_size,
                codec=written.codec,
                sealed=written.sealed,
                backend=written.backend,
            )
        )

    async def _commit(self, commit: CommitUpload) -> FilePut:
        crashpoint("after_put")
        try:
            answer = await self.platform.ask(commit)
        except AnsweredWithProblem as problem:
            if problem.named == "upload-not-found":
                # Intents do not wait for the disk: PostgreSQL lost this one in a crash.
                raise ServiceUnavailable("the upload was forgotten", retry_after_s=1) from problem
            raise
        crashpoint("after_commit")
        return answer

    async def _or_abort(self, upload_id: UUID, storing: Awaitable[FilePut]) -> FilePut:
        """Return what was stored, or have storage forget it: in the background, at best effort."""
        try:
            return await storing
        except BaseException:
            aborting = asyncio.create_task(self._abort(upload_id))
            self._aborting.add(aborting)
            aborting.add_done_callback(self._aborting.discard)
            raise

    async def _abort(self, upload_id: UUID) -> None:
        try:
            await self.platform.ask(AbortUpload(upload_id=upload_id))
        except Problem as problem:
            log.info("upload %s is left to the sweeper: %s", upload_id, problem)

    async def _chunks(self, receive: Receive) -> AsyncGenerator[bytes, None]:
        """Yield the body as it comes, up to the limit."""
        size = 0
        while True:
            message = await receive()
            chunk: bytes = message.get("body", b"")
            size += len(chunk)
            if size > self._settings.max_upload_bytes:
                raise self._too_large()
            if chunk:
                yield chunk
            if not message.get("more_body", False):
                return

    async def _begin_of(self, chunks: AsyncIterator[bytes]) -> tuple[list[bytes], bool]:
        """Return the first chunks, and whether they are the whole, small body."""
        begun: list[bytes] = []
        size = 0
        async for chunk in chunks:
            begun.append(chunk)
            size += len(chunk)
            if size > self._settings.small_body_bytes:
                return begun, False
        return begun, True

    def _pieces_ahead(self) -> int:
        """Return how much may be read ahead: while memory is plenty, as much as the store takes."""
        return 1 if self._budget.is_in_demand else MOST_PIECES_AHEAD

    def _too_large(self) -> Problem:
        most = self._settings.max_upload_bytes
        return BodyTooLarge(f"a file has at most {most} bytes", most_bytes=most)


def _typed(begin: BeginUpload, announced: Announced, begun: Sequence[bytes]) -> BeginUpload:
    """Return the intent with a content type, found out from the first bytes if nobody said it."""
    if announced.content_type:
        return begin
    return replace(begin, content_type=content_type_of(begin.path, b"".join(begun)))


async def _chain(begun: list[bytes], rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Yield ``begun``, letting go of each chunk, then ``rest``."""
    begun.reverse()
    while begun:
        yield begun.pop()
    async for chunk in rest:
        yield chunk
