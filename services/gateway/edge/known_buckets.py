"""What the gateway knows of buckets: their settings and grants, believed for a little while.

Storage owns them. A change is heard at once from its event; should that be late, nothing is
believed for longer than ``BELIEVE_S``.
"""

import asyncio
import logging
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import NamedTuple, Self
from uuid import UUID

from msgspec import Struct
from prometheus_client import Counter

from libs.chassis.bus import Bus
from libs.contracts import envelope
from libs.contracts.storage import (
    BucketDeleted,
    BucketInfo,
    BucketUpdated,
    GetBucketPolicy,
    Grant,
    GrantChanged,
)
from services.gateway.edge.cancelling import cancel
from services.gateway.edge.platform import Platform
from services.gateway.live.feed import Event, Feed

BELIEVE_S = 10.0
MOST_REMEMBERED = 20_000
"""Buckets and grants together; the bucket that was not asked for the longest is forgotten first."""

LOOKED_UP = Counter(
    "strongroom_known_buckets_total", "Times that a bucket's settings were needed.", ["found"]
)

log = logging.getLogger(__name__)


class KnownBucket(Struct, frozen=True):
    """A bucket as storage told it."""

    info: BucketInfo
    grants: Sequence[Grant]
    asked_at: float
    """``time.monotonic()`` when storage was asked: what was committed before is in it."""

    @property
    def weight(self) -> int:
        """How much of the memory's limit this takes."""
        return 1 + len(self.grants)


class _Asking(NamedTuple):
    """A question on its way to storage."""

    since: float
    answer: "asyncio.Task[KnownBucket]"


class KnownBuckets:
    """Buckets by name, remembered within bounds; whoever asks at the same time asks once."""

    def __init__(
        self,
        platform: Platform,
        bus: Bus,
        *,
        believe_s: float = BELIEVE_S,
        most: int = MOST_REMEMBERED,
    ) -> None:
        self._platform = platform
        self._bus = bus
        self._believe_s = believe_s
        self._most = most
        self._known: OrderedDict[str, KnownBucket] = OrderedDict()
        self._weight = 0
        self._asking: dict[str, _Asking] = {}
        self._listening: asyncio.Task[None] | None = None
        self._on_changed: list[Callable[[str], None]] = []

    async def __aenter__(self) -> Self:
        subjects = [event.every() for event in (BucketUpdated, BucketDeleted, GrantChanged)]
        feed = Feed(self._bus, "STORAGE", subjects)
        self._listening = asyncio.create_task(feed.run(self._hear), name="bucket-changes")
        return self

    async def __aexit__(self, *failure: object) -> None:
        listening = [] if self._listening is None else [self._listening]
        await cancel([*listening, *(asking.answer for asking in self._asking.values())])

    def when_changed(self, listener: Callable[[str], None]) -> None:
        """Call ``listener`` with the name of every bucket whose settings or grants changed."""
        self._on_changed.append(listener)

    async def get(self, name: str, *, since: float = 0.0) -> KnownBucket:
        """Return the bucket; raises storage's problem, ``bucket-not-found`` and others.

        With ``since``, a ``time.monotonic()``, as it was then or later.
        """
        known = self._known.get(name)
        if known is not None and known.asked_at >= max(since, time.monotonic() - self._believe_s):
            self._known.move_to_end(name)
            LOOKED_UP.labels("yes").inc()
            return known
        LOOKED_UP.labels("no").inc()
        asking = self._asking.get(name)
        if asking is None or asking.since < since:
            asking = self._ask(name)
        # Whoever gives up does not take the answer from the others.
        return await asyncio.shield(asking.answer)

    async def id_of(self, name: str, *, since: float = 0.0) -> UUID:
        """Return which bucket has the name; raises what ``get`` raises."""
        return (await self.get(name, since=since)).info.bucket_id

    def forget(self, name: str) -> None:
        """Ask storage the next time; an answer that is on its way is not believed."""
        self._drop(name)
        self._asking.pop(name, None)

    def _ask(self, name: str) -> "_Asking":
        asked_at = time.monotonic()
        answer = asyncio.create_task(self._look(name, asked_at))
        asking = self._asking[name] = _Asking(asked_at, answer)
        answer.add_done_callback(lambda _: self._answered(name, asking))
        return asking

    async def _look(self, name: str, asked_at: float) -> KnownBucket:
        policy = await self._platform.ask(GetBucketPolicy(name=name))
        return KnownBucket(policy.info, policy.grants, asked_at)

    def _answered(self, name: str, asking: "_Asking") -> None:
        failed = asking.answer.cancelled() or asking.answer.exception() is not None
        if self._asking.get(name) is not asking:
            return
        del self._asking[name]
        self._drop(name)
        if not failed:
            self._remember(name, asking.answer.result())

    def _remember(self, name: str, bucket: KnownBucket) -> None:
        self._known[name] = bucket
        self._weight += bucket.weight
        while self._weight > self._most:
            self._drop(next(iter(self._known)))

    def _drop(self, name: str) -> None:
        known = self._known.pop(name, None)
        if known is not None:
            self._weight -= known.weight

    async def _hear(self, event: Event) -> None:
        try:
            change = envelope.decode(event.headers, event.body)
        except (envelope.UnknownEvent, envelope.UnreadableEvent) as error:
            log.warning("a change of a bucket cannot be read: %s", error)
            return
        if isinstance(change, BucketUpdated | BucketDeleted | GrantChanged):
            self.forget(change.bucket)
            for listener in self._on_changed:
                listener(change.bucket)
