"""File records: what storage says of a path, believed until somebody says otherwise.

**Through one gateway** a caller reads what was written before: whatever a request may have changed
(``touched``) is forgotten before its caller is answered, also when it failed or nobody knows, and
an answer that was on its way meanwhile is given to those who waited for it, and not kept.

**Through another gateway** a change is heard with its event, a matter of milliseconds. Should that
be late or lost, nothing is believed for longer than ``BELIEVE_S`` after storage was asked.

Damaged files are never remembered: what heals them tells nobody.
"""

import asyncio
import time
from collections.abc import Awaitable
from typing import Any, Protocol, Self

from libs.chassis.bus import Bus
from libs.contracts.base import Reply, Request
from libs.contracts.storage import GetFile, StoredFile
from services.gateway.cache.changes import IDLE_S, Changes
from services.gateway.cache.fetches import Fetches
from services.gateway.cache.figures import CacheFigures
from services.gateway.cache.lru import Lru
from services.gateway.cache.touched import Place, Touched, touched
from services.gateway.edge.cancelling import cancel
from services.gateway.edge.platform import Platform

BELIEVE_S = 2.0
RECORD_BYTES = 1500
"""What a record takes in memory, about, besides its path and labels."""


class Shelf(Protocol):
    """Where records may lie that several gateways share."""

    async def get(self, place: Place, ask: "Asking") -> StoredFile:
        """Return the record that lies there, or what ``ask()`` answers."""

    def doubt(self, changed: Touched) -> None:
        """Do not look there for what has just changed."""

    async def figures(self) -> CacheFigures | None:
        """Tell how it does; None: nobody knows at present."""


class Asking(Protocol):
    """A question to storage, asked when it is called."""

    def __call__(self) -> Awaitable[StoredFile]:
        """Return the file; raises storage's problem when there is none."""


class Records:
    """Looks files up, in memory first, then on the ``shelf`` if there is one."""

    def __init__(
        self, platform: Platform, bus: Bus, *, most_bytes: int, shelf: Shelf | None = None
    ) -> None:
        self._platform = platform
        self._shelf = shelf
        self._known: Lru[Place, StoredFile] = Lru(
            "records", most_bytes=most_bytes, believe_s=BELIEVE_S
        )
        self._fetches: Fetches[Place, StoredFile] = Fetches()
        self._changes = Changes(bus, self.forget)
        self._watching: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._watching = asyncio.create_task(self._rest_when_idle(), name="file-changes")
        return self

    async def __aexit__(self, *failure: object) -> None:
        if self._watching is not None:
            await cancel([self._watching])
        await self._changes.end()

    @property
    def figures(self) -> CacheFigures:
        """How the cache does."""
        return CacheFigures.of(self._known)

    async def shared_figures(self) -> CacheFigures | None:
        """How what several gateways share does; None when there is no such thing."""
        return await self._shelf.figures() if self._shelf is not None else None

    async def get(self, bucket: str, path: str) -> StoredFile:
        """Return the file; raises storage's problem when there is none."""
        place = (bucket, path)
        hears = await self._changes.want()
        known = self._known.find(place)
        if known is not None:
            return known
        asked_at = time.monotonic()

        def keep(found: StoredFile) -> None:
            if hears and not found.blob.quarantined:
                self._remember(place, found, asked_at)

        return await self._fetches.run(place, lambda: self._fetch(place), keep)

    def passed_on(self, request: Request[Any], reply: Reply | None) -> None:
        """Forget what ``request`` may have changed, as far as its ``reply`` tells; None: failed."""
        self.forget(touched(request, reply))

    def forget(self, changed: Touched) -> None:
        """Ask storage the next time; an answer that is on its way is not believed."""
        if self._shelf is not None:
            self._shelf.doubt(changed)
        for place in changed.places:
            self._known.forget(place)
            self._fetches.forget(place)
        if changed.bucket:
            self._known.forget_where(lambda place: place[0] == changed.bucket)
            self._fetches.forget_where(lambda place: place[0] == changed.bucket)
        elif changed.all:
            self._known.forget_where(lambda _: True)
            self._fetches.forget_where(lambda _: True)

    async def _fetch(self, place: Place) -> StoredFile:
        if self._shelf is not None:
            return await self._shelf.get(place, lambda: self._ask(place))
        return await self._ask(place)

    async def _ask(self, place: Place) -> StoredFile:
        return await self._platform.ask(GetFile(bucket=place[0], path=place[1]))

    def _remember(self, place: Place, found: StoredFile, asked_at: float) -> None:
        file = found.file
        labels = sum(len(k) + len(v) for k, v in (*file.metadata.items(), *file.tags.items()))
        size = RECORD_BYTES + 2 * len(file.path) + labels
        self._known.remember(place, found, size, since=asked_at)

    async def _rest_when_idle(self) -> None:
        while True:
            await asyncio.sleep(IDLE_S / 2)
            await self._changes.end_when_idle()
