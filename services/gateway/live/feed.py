"""Events of one stream in their order, without a hole, from a place on or from now."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import NamedTuple

from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.errors import Error as NatsError
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy

from libs.chassis.bus import Bus

HEARTBEAT_S = 2.0
SILENT_AFTER_S = 3 * HEARTBEAT_S
FORGET_AFTER_S = 30.0
READ_S = 2.0

log = logging.getLogger(__name__)


class Position(NamedTuple):
    """What a stream holds."""

    epoch: str
    """When it was made; another value means other sequences."""
    first: int
    last: int


class Event(NamedTuple):
    """A message of a stream, undecoded."""

    epoch: str
    sequence: int
    headers: dict[str, str]
    body: bytes


Listener = Callable[[Event], Awaitable[None]]


class Feed:
    """An ordered consumer: unacknowledged, kept in the server's memory, made again when it is lost.

    Every delivery counts up; a number left out, a silence longer than three heartbeats or a new
    connection makes a new consumer behind the last event that was handed on.
    """

    def __init__(
        self,
        bus: Bus,
        stream: str,
        subjects: Sequence[str],
        *,
        epoch: str = "",
        after: int | None = None,
    ) -> None:
        self._bus = bus
        self._stream = stream
        self._subjects = list(subjects)
        self._epoch = epoch
        self._after = after
        self._delivered = 0
        self._queue: asyncio.Queue[Msg] = asyncio.Queue()

    async def run(self, listener: Listener) -> None:
        """Hand every event to ``listener``; never returns, and survives the server."""
        while True:
            try:
                await self._consume(listener)
            except (NatsError, OSError, TimeoutError) as error:
                log.debug("the feed of %s begins again: %s", self._stream, error)
                await asyncio.sleep(0.5)

    async def _consume(self, listener: Listener) -> None:
        subscription = await self._begin()
        try:
            while True:
                async with asyncio.timeout(SILENT_AFTER_S):
                    message = await self._queue.get()
                if message.reply:
                    await listener(self._in_order(message))
        finally:
            with suppress(NatsError, OSError):
                await subscription.unsubscribe()

    async def _begin(self) -> Subscription:
        self._queue = asyncio.Queue()
        self._delivered = 0
        after = self._from(await position_of(self._bus, self._stream))
        inbox = self._bus.client.new_inbox()
        subscription = await self._bus.subscribe(inbox, self._queue.put)
        config = _config(inbox, self._subjects, after)
        try:
            await self._bus.jetstream.add_consumer(self._stream, config)
        except BaseException:
            with suppress(NatsError, OSError):
                await subscription.unsubscribe()
            raise
        return subscription

    def _from(self, now: "Position") -> int:
        """Return behind which sequence to begin; a stream made anew is read from its start."""
        if self._after is None:
            self._after = now.last
        elif self._epoch != now.epoch:
            self._after = 0
        self._epoch = now.epoch
        return self._after

    def _in_order(self, message: Msg) -> Event:
        position = message.metadata
        self._delivered += 1
        if position.sequence.consumer != self._delivered:
            raise TimeoutError("a delivery was lost")
        self._after = position.sequence.stream
        return _event(self._epoch, message)


async def position_of(bus: Bus, stream: str) -> Position:
    """Return what ``stream`` holds now."""
    info = await bus.jetstream.stream_info(stream)
    created = info.created.isoformat() if info.created else ""
    return Position(created, info.state.first_seq, info.state.last_seq)


async def read_between(
    bus: Bus,
    stream: str,
    subjects: Sequence[str],
    *,
    after: int,
    upto: int,
    most: int,
    most_bytes: int,
) -> list[Event] | None:
    """Return the events behind ``after`` up to ``upto``; None for too many, or gone ones."""
    now = await position_of(bus, stream)
    if after >= upto:
        return []
    if after + 1 < now.first:
        return None
    queue: asyncio.Queue[Msg] = asyncio.Queue()
    inbox = bus.client.new_inbox()
    subscription = await bus.subscribe(inbox, queue.put)
    try:
        config = _config(inbox, subjects, after)
        info = await bus.jetstream.add_consumer(stream, config)
        expected = info.num_pending or 0
        if expected > most:
            return None
        found: list[Event] = []
        size = 0
        async with asyncio.timeout(READ_S):
            while len(found) < expected:
                message = await queue.get()
                if message.reply:
                    found.append(_event(now.epoch, message))
                    size += len(message.data)
                if size > most_bytes:
                    return None
        return [event for event in found if event.sequence <= upto]
    except TimeoutError:
        return None
    finally:
        with suppress(NatsError, OSError):
            await subscription.unsubscribe()


def _config(inbox: str, subjects: Sequence[str], after: int) -> ConsumerConfig:
    return ConsumerConfig(
        deliver_subject=inbox,
        filter_subjects=list(subjects),
        deliver_policy=DeliverPolicy.BY_START_SEQUENCE,
        opt_start_seq=after + 1,
        ack_policy=AckPolicy.NONE,
        max_deliver=1,
        mem_storage=True,
        num_replicas=1,
        idle_heartbeat=HEARTBEAT_S,
        inactive_threshold=FORGET_AFTER_S,
    )


def _event(epoch: str, message: Msg) -> Event:
    sequence = message.metadata.sequence.stream
    return Event(epoch, sequence, message.headers or {}, message.data)
