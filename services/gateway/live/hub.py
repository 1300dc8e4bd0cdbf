"""One topic, one source, one encoding; as many listeners as want to."""

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Protocol
from uuid import UUID

import msgspec
from nats.errors import Error as NatsError
from prometheus_client import Counter, Gauge

from libs.chassis.bus import Bus
from libs.contracts.problems import ServiceUnavailable
from libs.contracts.progress import FINAL_STATES, TaskInfo
from services.gateway.domain.live import Publication, Seen, Subscribed, Topic
from services.gateway.edge.cancelling import cancel
from services.gateway.live.buckets import BucketSource
from services.gateway.live.sources import News, Snapshot, Source
from services.gateway.live.tasks import TaskSource
from services.gateway.settings import Settings

TOPICS = Gauge("strongroom_live_topics", "Topics that somebody listens to.")
DELIVERED = Counter("strongroom_live_deliveries_total", "Messages handed to live clients.")

log = logging.getLogger(__name__)


class Listener(Protocol):
    """Somebody who is told; it never makes the others wait."""

    def offer(self, frame: bytes) -> None:
        """Take a message, or fall behind and be closed."""

    def ended(self, topic: str) -> None:
        """Learn that nothing will follow: the task is in its final state."""

    def doubt(self, topic: str) -> None:
        """Learn that who may listen to the topic has changed."""


class Channel:
    """A topic that somebody listens to."""

    def __init__(self, topic: Topic, source: Source, ticks_per_s: float) -> None:
        self.topic = topic
        self.listeners: set[Listener] = set()
        self._lock = asyncio.Lock()
        self._source = source
        self._pause_s = 1.0 / ticks_per_s
        self._news = asyncio.Event()
        self._telling: asyncio.Task[None] | None = None
        self.joining = 0
        """How many are about to listen; it stays open for them."""

    async def close(self) -> None:
        """Let go of the source."""
        if self._telling is not None:
            await cancel([self._telling])
        await self._source.close()

    async def join(self, listener: Listener, since: Seen | None) -> None:
        """Tell ``listener`` where it begins, and from there on everything; raises a ``Problem``.

        Nothing is told to anybody meanwhile, so that nothing falls between.
        """
        async with self._lock:
            if self._telling is None:
                await self._source.open(self._news.set)
                self._telling = asyncio.create_task(self._tell())
            self._flush()
            await self._welcome(listener, since)

    async def _welcome(self, listener: Listener, since: Seen | None) -> None:
        missed = await self._source.missed(since) if since is not None else None
        if missed is None:
            snapshot = await self._source.snapshot()
            listener.offer(self._beginning(snapshot, recovered=False))
        elif since is not None:
            place = Snapshot(epoch=since.epoch, offset=since.offset, data=None)
            listener.offer(self._beginning(place, recovered=True))
            for news in missed:
                listener.offer(self._frame(news))
        self.listeners.add(listener)
        if missed is None and _is_final(snapshot.data):
            listener.ended(self.topic.name)

    async def _tell(self) -> None:
        """Tell what is new, but not more often than the topic's pace."""
        while True:
            await self._news.wait()
            began = time.monotonic()
            async with self._lock:
                self._flush()
            await asyncio.sleep(max(0.0, self._pause_s - (time.monotonic() - began)))

    def _flush(self) -> None:
        self._news.clear()
        news = self._source.take()
        if news is None or not self.listeners:
            return
        frame = self._frame(news)
        DELIVERED.inc(len(self.listeners))
        for listener in list(self.listeners):
            listener.offer(frame)
            if _is_final(news.data):
                listener.ended(self.topic.name)

    def _frame(self, news: News) -> bytes:
        return msgspec.json.encode(
            Publication(topic=self.topic.name, epoch=news.epoch, offset=news.offset, data=news.data)
        )

    def _beginning(self, place: Snapshot, *, recovered: bool) -> bytes:
        return msgspec.json.encode(
            Subscribed(
                topic=self.topic.name,
                epoch=place.epoch,
                offset=place.offset,
                recovered=recovered,
                snapshot=place.data,
            )
        )


class Hub:
    """All topics of this process, and everybody who listens."""

    def __init__(self, bus: Bus, settings: Settings) -> None:
        self._bus = bus
        self._ticks_per_s = settings.live_ticks_per_s
        self._channels: dict[str, Channel] = {}
        self._opening = asyncio.Lock()
        self._closers: dict[Callable[[int, str], None], UUID] = {}

    async def __aenter__(self) -> "Hub":
        return self

    async def __aexit__(self, *failure: object) -> None:
        for channel in list(self._channels.values()):
            await channel.close()

    async def drain(self) -> None:
        """Send everybody away: they find what they missed at the next gateway."""
        self._close_all(lambda _: True, 1012, "the gateway restarts")

    def admit(self, key_id: UUID, close: Callable[[int, str], None]) -> None:
        """Remember how to send a client away that came with this key."""
        self._closers[close] = key_id

    def dismiss(self, close: Callable[[int, str], None]) -> None:
        """Forget a client that went."""
        self._closers.pop(close, None)

    def key_revoked(self, key_id: UUID) -> None:
        """Send away whoever came with a key that is worthless now."""
        self._close_all(lambda owner: owner == key_id, 4401, "the API key was revoked")

    def bucket_changed(self, name: str) -> None:
        """Have everybody who listens to the bucket looked at again."""
        topic = Topic("bucket", name).name
        channel = self._channels.get(topic)
        for listener in list(channel.listeners) if channel is not None else []:
            listener.doubt(topic)

    async def subscribe(self, topic: Topic, listener: Listener, since: Seen | None) -> None:
        """Tell ``listener`` of ``topic`` from now, or from ``since`` on; raises a ``Problem``."""
        channel = self._channels.get(topic.name)
        if channel is None:
            channel = Channel(topic, self._source(topic), self._ticks_per_s)
            self._channels[topic.name] = channel
            TOPICS.set(len(self._channels))
        channel.joining += 1
        try:
            await channel.join(listener, since)
        except (NatsError, OSError, TimeoutError) as error:
            raise ServiceUnavailable("live updates are interrupted", retry_after_s=1) from error
        finally:
            channel.joining -= 1
            await self._close_if_idle(channel)

    async def unsubscribe(self, topic: Topic, listener: Listener) -> None:
        """Tell ``listener`` nothing more of ``topic``."""
        channel = self._channels.get(topic.name)
        if channel is not None:
            channel.listeners.discard(listener)
            await self._close_if_idle(channel)

    async def _close_if_idle(self, channel: Channel) -> None:
        if channel.listeners or channel.joining:
            return
        if self._channels.get(channel.topic.name) is channel:
            del self._channels[channel.topic.name]
            TOPICS.set(len(self._channels))
            await channel.close()

    def _source(self, topic: Topic) -> Source:
        if topic.kind == "task":
            return TaskSource(self._bus, UUID(topic.key))
        return BucketSource(self._bus, topic.key)

    def _close_all(self, chosen: Callable[[UUID], bool], code: int, reason: str) -> None:
        for close, owner in list(self._closers.items()):
            if chosen(owner):
                close(code, reason)


def _is_final(data: object) -> bool:
    return isinstance(data, TaskInfo) and data.state in FINAL_STATES
