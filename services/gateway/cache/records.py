"""File records: what storage says of a path, believed until an event says otherwise.

A write that this gateway passes on is forgotten before it is answered, so a caller reads what it
wrote. A write through another gateway is heard of as soon as its event arrives, a matter of
milliseconds; should events be late, nothing is believed longer than ``BELIEVE_S``.
"""

import asyncio
import logging
from collections import Counter
from typing import Any, Self

import msgspec
from msgspec import Struct

from libs.chassis.bus import Bus
from libs.contracts.base import Reply, Request
from libs.contracts.storage import (
    BucketDeleted,
    CommitUpload,
    DeleteFile,
    FileDeleted,
    FilePut,
    FileQuarantined,
    FilesChanged,
    FilesPut,
    FileStored,
    GetFile,
    PutFiles,
    StoredFile,
    UpdateFile,
)
from services.gateway.cache.fetches import Fetches
from services.gateway.cache.figures import CacheFigures
from services.gateway.cache.lru import Lru
from services.gateway.edge.cancelling import cancel
from services.gateway.edge.platform import Platform
from services.gateway.live.feed import Event, Feed

BELIEVE_S = 2.0
RECORD_BYTES = 1500
"""What a record takes in memory, about, besides its path and labels."""

HEARD = (FileStored, FileDeleted, FilesChanged, FileQuarantined, BucketDeleted)
READING = ("Get", "List", "Find", "Export", "Promise", "Begin")
"""How requests are named that change no file."""

Place = tuple[str, int, str]
"""A bucket's name, how often all of it was forgotten, and a path."""


class _Changed(Struct, frozen=True):
    """As much of an event as matters here; the rest is not decoded."""

    bucket: str
    path: str = ""
    """Absent where more than one file changed."""


_decoder = msgspec.json.Decoder(_Changed)

log = logging.getLogger(__name__)


class Records:
    """Looks files up, in memory first."""

    def __init__(self, platform: Platform, bus: Bus, *, most_bytes: int) -> None:
        self._platform = platform
        self._bus = bus
        self._known: Lru[Place, StoredFile] = Lru(
            "records", most_bytes=most_bytes, believe_s=BELIEVE_S
        )
        self._forgotten: Counter[str] = Counter()
        self._fetches: Fetches[Place, StoredFile] = Fetches()
        self._listening: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        feed = Feed(self._bus, "STORAGE", [event.every() for event in HEARD])
        self._listening = asyncio.create_task(feed.run(self._hear), name="file-changes")
        return self

    async def __aexit__(self, *failure: object) -> None:
        if self._listening is not None:
            await cancel([self._listening])

    @property
    def figures(self) -> CacheFigures:
        """How the cache does."""
        return CacheFigures.of(self._known)

    async def get(self, bucket: str, path: str) -> StoredFile:
        """Return the file; raises storage's problem when there is none."""
        place = (bucket, self._forgotten[bucket], path)
        known = self._known.find(place)
        if known is not None:
            return known
        request = GetFile(bucket=bucket, path=path)
        return await self._fetches.run(
            place, lambda: self._platform.ask(request), lambda found: self._remember(place, found)
        )

    def passed_on(self, request: Request[Any], reply: Reply | None) -> None:
        """Forget what ``request`` may have changed, as far as its ``reply`` tells; None: failed."""
        match request, reply:
            case PutFiles(), FilesPut(outcomes=outcomes):
                for outcome in outcomes:
                    if outcome.put is not None:
                        self.forget(outcome.put.file.bucket, outcome.put.file.path)
            case CommitUpload(), FilePut(file=file):
                self.forget(file.bucket, file.path)
            case ((DeleteFile() | UpdateFile()), _):
                self.forget(request.bucket, request.path)
            case GetFile(), _:
                pass
            case _ if not type(request).__name__.startswith(READING):
                self.forget_bucket(getattr(request, "bucket", getattr(request, "name", "")))

    def forget(self, bucket: str, path: str) -> None:
        """Ask storage the next time; an answer that is on its way is not believed."""
        place = (bucket, self._forgotten[bucket], path)
        self._known.forget(place)
        self._fetches.forget(place)

    def forget_bucket(self, bucket: str) -> None:
        """Forget all files of a bucket: nobody asks by their old places any more."""
        self._forgotten[bucket] += 1

    def _remember(self, place: Place, found: StoredFile) -> None:
        file = found.file
        labels = sum(len(k) + len(v) for k, v in (*file.metadata.items(), *file.tags.items()))
        self._known.remember(place, found, RECORD_BYTES + 2 * len(file.path) + labels)

    async def _hear(self, event: Event) -> None:
        try:
            change = _decoder.decode(event.body)
        except msgspec.DecodeError as error:
            log.warning("a change of a file cannot be read: %s", error)
            return
        if change.path:
            self.forget(change.bucket, change.path)
        else:
            self.forget_bucket(change.bucket)
