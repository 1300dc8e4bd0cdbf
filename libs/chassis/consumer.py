"""A durable consumer, and the policy for what it is given.

A batch that fails is tried event by event, so that a failing event keeps back nobody else. It comes
again after growing pauses, and is parked in ``dead_letter`` when they are used up. What cannot be
read is parked at once.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Any, NamedTuple

from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from nats.js.api import AckPolicy, ConsumerConfig
from nats.js.errors import NotFoundError
from opentelemetry.trace import SpanKind
from prometheus_client import Counter, Histogram

from libs.chassis import dead_letters, telemetry
from libs.chassis.bus import Bus
from libs.chassis.database import Database
from libs.chassis.pull import Pull
from libs.chassis.settings import ServiceSettings
from libs.contracts import envelope
from libs.contracts.base import Event
from libs.contracts.problems import ServiceUnavailable
from libs.contracts.streams import stream_for

HEARTBEATS_PER_ACK_WAIT = 3
AWAY_PAUSE_S = 2.0

SECONDS = Histogram(
    "strongroom_reaction_seconds", "Time to apply one batch of events.", ["consumer"]
)
APPLIED = Counter("strongroom_reactions_total", "Events applied.", ["consumer"])
FAILED = Counter("strongroom_reaction_failures_total", "Failed tries of one event.", ["consumer"])

log = logging.getLogger(__name__)


class Reaction(NamedTuple):
    """A durable consumer and the function that applies its events, ready to be called."""

    consumer: str
    events: tuple[type[Event], ...]
    batch: int
    apply: Callable[[Sequence[Any]], Awaitable[None]]

    @property
    def subjects(self) -> list[str]:
        """What the consumer filters for."""
        return [event.every(">") for event in self.events]

    @property
    def stream(self) -> str:
        """The one stream that keeps all its events."""
        (name,) = {stream_for(event.type).name for event in self.events}
        return name


class _Delivery(NamedTuple):
    message: Msg
    event: Event


class Consumer:
    """One durable: its pull, and the policy."""

    def __init__(
        self, bus: Bus, db: Database, settings: ServiceSettings, reaction: Reaction
    ) -> None:
        self._bus = bus
        self._db = db
        self._pauses = settings.retry_pauses_s
        self._ack_wait_s = settings.ack_wait_s
        self._reaction = reaction
        self.name = reaction.consumer
        self._pull = Pull(bus.client, reaction.stream, self.name, batch=reaction.batch)
        self._consuming: asyncio.Task[None] | None = None
        self._stopping = asyncio.Event()
        bus.when_reconnected(self._pull.ask_again)

    async def start(self) -> None:
        """Begin to consume, and to take what an operator gives once more."""
        await self.declare()
        await self._pull.start()
        self._consuming = asyncio.create_task(self._consume(), name=self.name)
        await self._bus.client.subscribe(
            dead_letters.redrive_subject(self.name), queue=self.name, cb=self._apply_redriven
        )

    async def stop(self) -> None:
        """End the batch that was begun; the server gives the others to somebody else at once."""
        self._stopping.set()
        await self._pull.stop()
        if self._consuming is not None:
            await self._consuming

    async def declare(self) -> bool:
        """Make the durable unless it is there; false while the owner has no stream yet."""
        reaction = self._reaction
        durable = ConsumerConfig(
            durable_name=self.name,
            filter_subjects=reaction.subjects,
            ack_policy=AckPolicy.EXPLICIT,
            ack_wait=self._ack_wait_s,
            # Tries are counted and ended by us, never silently by the server.
            max_deliver=-1,
            max_ack_pending=reaction.batch * 5,
        )
        with suppress(NotFoundError):
            info = await self._bus.jetstream.consumer_info(reaction.stream, self.name)
            if _is_as_wanted(info.config, durable):
                return True
        try:
            await self._bus.jetstream.add_consumer(reaction.stream, durable)
        except NotFoundError:
            return False
        return True

    async def _consume(self) -> None:
        while messages := await self._pull.take():
            await self._work_on(messages)

    async def _work_on(self, messages: list[Msg]) -> None:
        """Apply a batch; whatever happens, every message is acknowledged, paused or parked.

        While database or bus are away nothing is wrong with the events: they are held and tried
        again here, as giving them back would use up their tries.
        """
        heartbeat = asyncio.create_task(self._beat(messages))
        try:
            while waiting := [message for message in messages if not message.is_acked]:
                try:
                    await self._try(waiting)
                except (ServiceUnavailable, NatsError, OSError) as error:
                    log.warning("%s waits: %s", self.name, error)
                    if await self._stops_within(AWAY_PAUSE_S):
                        await _give_back(waiting)
                        return
        finally:
            heartbeat.cancel()

    async def _try(self, messages: Sequence[Msg]) -> None:
        deliveries = [d for m in messages if (d := await self._read(m)) is not None]
        if deliveries:
            await self._apply(deliveries)

    async def _stops_within(self, pause_s: float) -> bool:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), pause_s)
        return self._stopping.is_set()

    async def _beat(self, messages: Sequence[Msg]) -> None:
        """Tell the server now and then that a batch is worked on, and that others wait for it."""
        while True:
            await asyncio.sleep(self._ack_wait_s / HEARTBEATS_PER_ACK_WAIT)
            for message in (*messages, *self._pull.arrived):
                if not message.is_acked:
                    with suppress(NatsError):
                        await message.in_progress()

    async def _read(self, message: Msg) -> _Delivery | None:
        try:
            return _Delivery(message, envelope.decode(message.headers, message.data))
        except (envelope.UnknownEvent, envelope.UnreadableEvent) as error:
            await self._park(message, error)
            return None

    async def _apply(self, deliveries: list[_Delivery]) -> None:
        try:
            await self._apply_once(deliveries)
        except (ServiceUnavailable, OSError):
            raise
        except Exception as error:  # noqa: BLE001 - the boundary: the policy decides what follows
            if len(deliveries) > 1:
                log.warning("%s: a batch of %d is split", self.name, len(deliveries))
                for delivery in deliveries:
                    await self._apply([delivery])
            else:
                await self._fail(deliveries[0].message, error)
        else:
            await asyncio.gather(*(delivery.message.ack() for delivery in deliveries))

    async def _apply_once(self, deliveries: list[_Delivery]) -> None:
        links = [telemetry.link(d.message.headers) for d in deliveries[1:]]
        parent = telemetry.incoming(deliveries[0].message.headers)
        with (
            SECONDS.labels(self.name).time(),
            telemetry.span(
                self.name,
                kind=SpanKind.CONSUMER,
                parent=parent,
                links=links,
                events=len(deliveries),
            ),
        ):
            await self._reaction.apply([delivery.event for delivery in deliveries])
        APPLIED.labels(self.name).inc(len(deliveries))

    async def _fail(self, message: Msg, error: Exception) -> None:
        FAILED.labels(self.name).inc()
        tries = message.metadata.num_delivered
        if tries > len(self._pauses):
            await self._park(message, error)
            return
        pause = self._pauses[tries - 1]
        log.warning("%s: try %d failed, next in %g s", self.name, tries, pause, exc_info=error)
        await message.nak(delay=pause)

    async def _park(self, message: Msg, error: Exception) -> None:
        tries = message.metadata.num_delivered
        log.error("%s: parked after %d tries: %s", self.name, tries, error)
        await dead_letters.park(
            self._db,
            consumer=self.name,
            subject=message.subject,
            headers=message.headers or {},
            payload=message.data,
            error=f"{type(error).__name__}: {error}",
            tries=tries,
        )
        await message.ack()

    async def _apply_redriven(self, message: Msg) -> None:
        try:
            await self._reaction.apply([envelope.decode(message.headers, message.data)])
        except Exception as error:  # the boundary: the operator gets the answer
            log.warning("%s: a redriven event failed again", self.name, exc_info=error)
            await message.respond(f"{type(error).__name__}: {error}".encode())
        else:
            APPLIED.labels(self.name).inc()
            await message.respond(b"")


async def _give_back(messages: Sequence[Msg]) -> None:
    """Let somebody else have ``messages`` at once; if it fails, after their ack wait."""
    with suppress(NatsError, OSError):
        for message in messages:
            if not message.is_acked:
                await message.nak()


def _is_as_wanted(found: ConsumerConfig, wanted: ConsumerConfig) -> bool:
    return found.ack_wait == wanted.ack_wait and sorted(found.filter_subjects or []) == sorted(
        wanted.filter_subjects or []
    )
