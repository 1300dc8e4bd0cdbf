"""The topic of a bucket: its events, in the order and from the places of their streams."""

import asyncio
import hashlib
from typing import Any
from uuid import UUID

import msgspec
from msgspec import Struct

from libs.chassis.bus import Bus
from libs.contracts.storage import (
    FileDeleted,
    FileQuarantined,
    FilesChanged,
    FileStored,
    GetBucket,
)
from services.gateway.domain.live import Seen
from services.gateway.edge.cancelling import cancel
from services.gateway.live.feed import Event, Feed, Listener, position_of, read_between
from services.gateway.live.sources import News, Snapshot, Tell

MOST_MISSED = 2000
MOST_MISSED_BYTES = 8 * 1024**2
"""Whoever missed more is better served with a fresh list."""

MOST_FILES_SHOWN = 20
"""Of many files that changed together; the event itself tells how many they were."""


class _AboutBucket(Struct):
    bucket_id: UUID


_decoder = msgspec.json.Decoder(_AboutBucket)


FILE_EVENTS = (FileStored, FileDeleted, FilesChanged, FileQuarantined)
"""Not what waits for checks, or was refused: readers do not see it, so they do not hear of it."""


class BucketSource:
    """What happens to files and to the bucket in STORAGE, and ``version.created`` of VERSIONING.

    A place is the last sequence of both streams, ``"<storage>.<versioning>"``.
    """

    def __init__(self, bus: Bus, bucket: str) -> None:
        self._bus = bus
        self._bucket = bucket
        self._tell: Tell = lambda: None
        self._strands = (
            ("STORAGE", [*(kind.every(bucket) for kind in FILE_EVENTS), f"bucket.*.{bucket}"]),
            ("VERSIONING", [f"version.created.{bucket}"]),
        )
        self._epochs = ["", ""]
        self._taken = [0, 0]
        self._waiting: list[tuple[int, Event]] = []
        self._running: list[asyncio.Task[Any]] = []

    async def open(self, tell: Tell) -> None:
        """Make sure that the bucket exists, then follow both streams from now."""
        await self._bus.ask(GetBucket(name=self._bucket), timeout_s=2.0)
        self._tell = tell
        for index, (stream, subjects) in enumerate(self._strands):
            now = await position_of(self._bus, stream)
            self._epochs[index] = now.epoch
            self._taken[index] = now.last
            feed = Feed(self._bus, stream, subjects, epoch=now.epoch, after=now.last)
            self._running.append(asyncio.create_task(feed.run(self._listener(index))))

    async def close(self) -> None:
        """Stop following."""
        await cancel(self._running)

    def take(self) -> News | None:
        """Return the events that came since, as one publication."""
        if not self._waiting:
            return None
        events, self._waiting = self._waiting, []
        for index, event in events:
            self._taken[index] = event.sequence
            self._epochs[index] = event.epoch
        return News(
            epoch=self._epoch(),
            offset=_offset(self._taken),
            data={"events": [_shown(event) for _, event in events]},
        )

    async def snapshot(self) -> Snapshot:
        """Return the bucket; its files are a list of their own."""
        info = await self._bus.ask(GetBucket(name=self._bucket), timeout_s=2.0)
        return Snapshot(epoch=self._epoch(), offset=_offset(self._taken), data=info)

    async def missed(self, since: Seen) -> list[News] | None:
        """Read what came after ``since`` from the streams, if they are the same and long enough."""
        places = _places(since.offset)
        if since.epoch != self._epoch() or places is None:
            return None
        found: list[Event] = []
        for index, (stream, subjects) in enumerate(self._strands):
            if places[index] > self._taken[index]:
                return None
            part = await read_between(
                self._bus,
                stream,
                subjects,
                after=places[index],
                upto=self._taken[index],
                most=MOST_MISSED,
                most_bytes=MOST_MISSED_BYTES,
            )
            if part is None:
                return None
            found += part
        if not found:
            return []
        bucket_id = (await self._bus.ask(GetBucket(name=self._bucket), timeout_s=2.0)).bucket_id
        events = [_shown(_shortened(event)) for event in found if _is_about(event, bucket_id)]
        return [News(epoch=self._epoch(), offset=_offset(self._taken), data={"events": events})]

    def _listener(self, index: int) -> Listener:
        async def hear(event: Event) -> None:
            self._waiting.append((index, _shortened(event)))
            self._tell()

        return hear

    def _epoch(self) -> str:
        """Return what changes when a stream is made anew."""
        return hashlib.sha256("/".join(self._epochs).encode()).hexdigest()[:16]


def _shown(event: Event) -> dict[str, Any]:
    return {
        "type": event.headers.get("ce-type", ""),
        "id": event.headers.get("ce-id", ""),
        "time": event.headers.get("ce-time", ""),
        "data": msgspec.Raw(event.body),
    }


def _shortened(event: Event) -> Event:
    """Return ``event`` as a listener gets it: of many files only the first."""
    if event.headers.get("ce-type") != FilesChanged.type:
        return event
    told = msgspec.json.decode(event.body, type=dict[str, msgspec.Raw])
    files = msgspec.json.decode(told["changed"], type=list[msgspec.Raw])
    body = msgspec.json.encode(told | {"changed": files[:MOST_FILES_SHOWN]})
    return event._replace(body=body)


def _is_about(event: Event, bucket_id: UUID) -> bool:
    """Tell whether this is about the bucket, not about one that had its name before."""
    try:
        return _decoder.decode(event.body).bucket_id == bucket_id
    except msgspec.DecodeError:
        return False


def _offset(places: list[int]) -> str:
    return ".".join(map(str, places))


def _places(offset: object) -> list[int] | None:
    parts = str(offset).split(".")
    if len(parts) != 2 or not all(part.isascii() and part.isdigit() for part in parts):
        return None
    return [int(part) for part in parts]
