"""Small files that come at the same time share an object, a message and a transaction.

A bare put costs the store as much as all the rest of an upload costs us; so does a transaction.
Nobody waits for company: an upload that finds a lane free goes at once and alone, and what comes
while the lanes are busy goes together with the next one.
"""

import asyncio
import contextvars
import logging
from collections import deque
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from blake3 import blake3
from msgspec import Struct
from prometheus_client import Histogram

from libs.blobs.depot import Depot, Plan
from libs.chassis.crashpoint import crashpoint
from libs.contracts.ids import new_id
from libs.contracts.problems import AnsweredWithProblem, ServiceUnavailable
from libs.contracts.storage import (
    BeginUpload,
    BlobPlace,
    FileOutcome,
    FilePut,
    NewFile,
    PromiseKeys,
    PutFiles,
)
from services.gateway.edge.platform import Platform

LANES = 2
"""One stores bytes while the other's are committed; more would only make smaller company."""

MOST_FILES = 64
MOST_BYTES = 1024 * 1024
MOST_LABEL_BYTES = 256 * 1024
"""What the labels of all files together may take of a message."""

KEYS_AT_ONCE = 64
FEW_KEYS = 16
KEY_MARGIN = timedelta(minutes=5)
"""A key is not used when so little is left of its promise."""

TOGETHER = Histogram(
    "strongroom_small_files_together",
    "How many small files shared an object.",
    buckets=(1, 2, 4, 8, 16, 32, 64),
)

log = logging.getLogger(__name__)


class SmallFile(Struct, frozen=True, kw_only=True):
    """A complete body, and what is to become of it."""

    wish: BeginUpload
    body: bytes
    sha256: str
    plan: Plan

    @property
    def label_bytes(self) -> int:
        """How much its labels take of a message, about."""
        labels = (*self.wish.metadata.items(), *self.wish.tags.items())
        return sum(2 * (len(name) + len(value)) for name, value in labels)


class _Waiting(Struct, frozen=True, eq=False):
    file: SmallFile
    stored: "asyncio.Future[FilePut]"
    context: contextvars.Context


class PromisedKeys:
    """Keys that objects may be written to, promised by storage before they are needed."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._keys: deque[tuple[str, datetime]] = deque()
        self._asking = asyncio.Lock()
        self._refilling: asyncio.Task[None] | None = None

    async def take(self) -> str:
        """Return a key that nobody else has; asks for more before the last one is gone."""
        while not (key := self._next()):
            async with self._asking:
                if not self._keys:
                    await self._ask()
        if len(self._keys) < FEW_KEYS and self._refilling is None:
            self._refilling = asyncio.create_task(self._refill())
        return key

    def _next(self) -> str | None:
        while self._keys:
            key, expires_at = self._keys.popleft()
            if expires_at - datetime.now(UTC) > KEY_MARGIN:
                return key
        return None

    async def _refill(self) -> None:
        try:
            await self._ask()
        except ServiceUnavailable as problem:
            log.info("no keys in advance: %s", problem)
        finally:
            self._refilling = None

    async def _ask(self) -> None:
        promised = await self._platform.ask(PromiseKeys(count=KEYS_AT_ONCE))
        self._keys.extend((key, promised.expires_at) for key in promised.keys)


class SmallFiles:
    """Takes complete small bodies to the store, those that come together as one object."""

    def __init__(self, platform: Platform, depot: Depot) -> None:
        self._platform = platform
        self._depot = depot
        self._keys = PromisedKeys(platform)
        self._waiting: deque[_Waiting] = deque()
        self._lanes: set[asyncio.Task[None]] = set()

    async def put(self, file: SmallFile) -> FilePut:
        """Store ``file`` and return what storage says of it; its problems are this file's own."""
        stored: asyncio.Future[FilePut] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Waiting(file, stored, contextvars.copy_context()))
        if len(self._lanes) < LANES:
            lane = asyncio.create_task(self._work())
            self._lanes.add(lane)
            lane.add_done_callback(self._lanes.discard)
        return await stored

    async def _work(self) -> None:
        """Store what waits, until nothing does."""
        while self._waiting:
            group = self._next_group()
            TOGETHER.observe(len(group))
            # Traced as part of the first one's journey.
            storing = asyncio.create_task(
                self._store([waiting.file for waiting in group]), context=group[0].context
            )
            try:
                outcomes = await storing
            except Exception as failure:  # noqa: BLE001 - whatever it is, each caller is told
                for waiting in group:
                    if not waiting.stored.done():
                        waiting.stored.set_exception(failure)
                continue
            for waiting, outcome in zip(group, outcomes, strict=True):
                _settle(waiting.stored, outcome)

    def _next_group(self) -> list[_Waiting]:
        """Return those that waited longest, as many as go together."""
        group: list[_Waiting] = []
        size = label_bytes = 0
        while self._waiting and len(group) < MOST_FILES:
            file = self._waiting[0].file
            size += len(file.body)
            label_bytes += file.label_bytes
            if group and (size > MOST_BYTES or label_bytes > MOST_LABEL_BYTES):
                break
            group.append(self._waiting.popleft())
        return group

    async def _store(self, files: Sequence[SmallFile]) -> list[FileOutcome]:
        blob_ids = [new_id() for _ in files]
        encoded = [
            await self._depot.encode(file.body, blob_id=blob_id, plan=file.plan)
            for file, blob_id in zip(files, blob_ids, strict=True)
        ]
        key = await self._keys.take()
        backend, _ = await self._depot.backends.put(key, b"".join(one.stored for one in encoded))
        crashpoint("after_put")
        new: list[NewFile] = []
        offset = 0
        for file, blob_id, one in zip(files, blob_ids, encoded, strict=True):
            place = BlobPlace(
                blob_id=blob_id,
                key=key,
                offset=offset,
                size=len(file.body),
                sha256=file.sha256,
                blake3=blake3(file.body).hexdigest(),
                stored_size=len(one.stored),
                codec=one.codec,
                sealed=one.sealed,
                backend=backend,
            )
            new.append(_new_file(file.wish, place))
            offset += len(one.stored)
        outcomes = await self._commit(new)
        crashpoint("after_commit")
        return outcomes

    async def _commit(self, new: list[NewFile]) -> list[FileOutcome]:
        try:
            answer = await self._platform.ask(PutFiles(files=new))
        except AnsweredWithProblem as problem:
            if problem.named == "upload-expired":
                # Promises do not wait for the disk: PostgreSQL lost this one in a crash.
                raise ServiceUnavailable("the upload was forgotten", retry_after_s=1) from problem
            raise
        return answer.outcomes


def _new_file(wish: BeginUpload, place: BlobPlace) -> NewFile:
    return NewFile(
        bucket=wish.bucket,
        path=wish.path,
        actor=wish.actor,
        blob=place,
        content_type=wish.content_type,
        metadata=wish.metadata,
        tags=wish.tags,
        expect=wish.expect,
    )


def _settle(stored: "asyncio.Future[FilePut]", outcome: FileOutcome) -> None:
    """Tell one caller, unless it has gone."""
    if stored.done():
        return
    if outcome.put is not None:
        stored.set_result(outcome.put)
    elif outcome.problem is not None:
        stored.set_exception(AnsweredWithProblem(outcome.problem))
    else:
        stored.set_exception(ValueError("storage said nothing of a file"))
