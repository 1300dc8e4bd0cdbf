"""Small files that come at the same time share an object, a message and a transaction.

A bare put costs the store as much as all the rest of an upload costs us; so does a transaction.
Nobody waits for company: an upload that finds nothing on its way goes at once and alone, and what
comes meanwhile goes together with the next one.
"""

import asyncio
import contextvars
from collections import deque
from collections.abc import Iterator, Sequence
from uuid import UUID

from blake3 import blake3
from msgspec import Struct
from prometheus_client import Histogram

from libs.blobs.depot import Depot, Encoded, Plan
from libs.chassis.crashpoint import crashpoint
from libs.contracts.ids import new_id
from libs.contracts.problems import AnsweredWithProblem, ServiceUnavailable
from libs.contracts.storage import (
    Backend,
    BeginUpload,
    BlobPlace,
    FileOutcome,
    FilePut,
    NewFile,
    PutFiles,
)
from services.gateway.edge.platform import Platform
from services.gateway.transfer.promised_keys import PromisedKeys

LANES = 8
"""Groups on their way at once. Another one sets out only when more wait than go together, or when
those before it are slow: with two that always did, groups were half as large and each file cost a
third more.
"""

PATIENCE_S = 0.05
"""How long a file waits behind a slow group, e.g. one that waits for a lock."""

MOST_FILES = 64
MOST_BYTES = 1024 * 1024
MOST_LABEL_BYTES = 256 * 1024
"""What the labels of all files together may take of a message."""

TOGETHER = Histogram(
    "strongroom_small_files_together",
    "How many small files shared an object.",
    buckets=(1, 2, 4, 8, 16, 32, 64),
)


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


class SmallFiles:
    """Takes complete small bodies to the store, those that come together as one object."""

    def __init__(self, platform: Platform, depot: Depot) -> None:
        self._platform = platform
        self._depot = depot
        self._keys = PromisedKeys(platform)
        self._waiting: deque[_Waiting] = deque()
        self._lanes: set[asyncio.Task[None]] = set()
        self._hurrying: asyncio.TimerHandle | None = None

    async def put(self, file: SmallFile) -> FilePut:
        """Store ``file`` and return what storage says of it; its problems are this file's own."""
        stored: asyncio.Future[FilePut] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Waiting(file, stored, contextvars.copy_context()))
        crowded = len(self._waiting) > MOST_FILES and len(self._lanes) < LANES
        if crowded or not self._lanes:
            self._open_lane()
        elif self._hurrying is None:
            self._hurry_later()
        return await stored

    def _open_lane(self) -> None:
        lane = asyncio.create_task(self._work())
        self._lanes.add(lane)
        lane.add_done_callback(self._lanes.discard)

    def _hurry_later(self) -> None:
        self._hurrying = asyncio.get_running_loop().call_later(PATIENCE_S, self._hurry)

    def _hurry(self) -> None:
        """Let those go that still wait: what is on its way before them is slow."""
        self._hurrying = None
        if not self._waiting:
            return
        if len(self._lanes) < LANES:
            self._open_lane()
        self._hurry_later()

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
        """Put all bodies as one object and commit it; whatever fails, nothing of it stays."""
        blob_ids = [new_id() for _ in files]
        encoded = [
            await self._depot.encode(file.body, blob_id=blob_id, plan=file.plan)
            for file, blob_id in zip(files, blob_ids, strict=True)
        ]
        key = await self._keys.take()
        try:
            together = b"".join(one.stored for one in encoded)
            backend, _ = await self._depot.backends.put(key, together)
            crashpoint("after_put")
            places = _places(files, blob_ids, encoded, key, backend)
            outcomes = await self._commit(list(map(_new_file, files, places)))
        except BaseException:
            self._keys.give_up(key)
            raise
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


def _places(
    files: Sequence[SmallFile],
    blob_ids: Sequence[UUID],
    encoded: Sequence[Encoded],
    key: str,
    backend: Backend,
) -> Iterator[BlobPlace]:
    """Yield where each body lies in the object."""
    offset = 0
    for file, blob_id, one in zip(files, blob_ids, encoded, strict=True):
        yield BlobPlace(
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
        offset += len(one.stored)


def _new_file(file: SmallFile, place: BlobPlace) -> NewFile:
    wish = file.wish
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
