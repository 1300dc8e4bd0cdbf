"""Where work waits for workers: one lane per priority, emptied in their order.

A message on a lane only says that an attempt can be claimed. The ledger owns the task: a message
that is lost is sent again by it, and one that comes twice is refused by the claim.
"""

import asyncio
import logging
from types import TracebackType
from typing import Self, get_args

import msgspec
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.errors import Error as NatsError
from nats.errors import NoRespondersError
from nats.errors import TimeoutError as NatsTimeoutError
from nats.js.api import AckPolicy, ConsumerConfig

from libs.chassis.bus import Bus
from libs.contracts.problems import ServiceUnavailable
from libs.contracts.progress import Priority

STREAM = "WORK"
PRIORITIES: tuple[Priority, ...] = get_args(Priority)
"""High before normal before low."""

CLAIM_WAIT_S = 30.0
"""A message that its worker neither took nor gave back in this time goes to another worker."""
IDLE_POLL_S = 2.0
LINGER_S = 0.25
"""How long a lane that rang is watched: the bell is heard before the stream has stored the work."""

log = logging.getLogger(__name__)


class Lane:
    """The durable consumer ``work-<queue>-<priority>``.

    It asks the server directly instead of through ``PullSubscription.fetch``, which can sit until
    its timeout on a message that has arrived.
    """

    def __init__(self, bus: Bus, queue: str, priority: Priority) -> None:
        self._bus = bus
        self._durable = f"work-{queue}-{priority}"
        self.subject = f"work.{queue}.{priority}"

    async def pull(self, wait_s: float = 0.0) -> Msg | None:
        """Return the next message, or None when there is none within ``wait_s``."""
        try:
            return await self._ask(wait_s)
        except NoRespondersError:
            await self.declare()
            return await self._ask(wait_s)

    async def _ask(self, wait_s: float) -> Msg | None:
        wish = {"expires": int(wait_s * 1e9)} if wait_s else {"no_wait": True}
        try:
            message = await self._bus.client.request(
                f"$JS.API.CONSUMER.MSG.NEXT.{STREAM}.{self._durable}",
                msgspec.json.encode({"batch": 1, **wish}),
                timeout=wait_s + 2.0,
                old_style=True,
            )
        except NatsTimeoutError:
            return None
        nothing = message.headers is not None and "Status" in message.headers
        return None if nothing else message

    async def declare(self) -> None:
        """Make the consumer, or leave it when it is there; raises when there is no stream yet."""
        await self._bus.jetstream.add_consumer(
            STREAM,
            ConsumerConfig(
                durable_name=self._durable,
                filter_subject=self.subject,
                ack_policy=AckPolicy.EXPLICIT,
                ack_wait=CLAIM_WAIT_S,
                max_deliver=-1,
            ),
        )


class Lanes:
    """All lanes of one queue. Nothing is taken before somebody wants it."""

    def __init__(self, bus: Bus, queue: str) -> None:
        self._bus = bus
        self._lanes = [Lane(bus, queue, priority) for priority in PRIORITIES]
        self._bell_subject = f"work.{queue}.*"
        self._bell: Subscription | None = None
        self._rang = asyncio.Event()
        self._rung: set[str] = set()
        self._away = False

    async def __aenter__(self) -> Self:
        self._bell = await self._bus.subscribe(self._bell_subject, self._ring)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._bell is not None and self._bus.client.is_connected:
            await self._bell.unsubscribe()

    async def next(self) -> Msg:
        """Wait for the most urgent message and take it; waits while NATS is away."""
        while True:
            try:
                await self._bus.check()
                message = await self._first() or await self._when_rung()
            except (ServiceUnavailable, NatsError, OSError, TimeoutError) as error:
                self._note_away(error)
                await asyncio.sleep(1)
                continue
            self._away = False
            if message is not None:
                return message

    def _note_away(self, error: Exception) -> None:
        if not self._away:
            log.warning("no work can be taken from %s now: %s", self._bell_subject, error)
        self._away = True

    async def _first(self) -> Msg | None:
        for lane in self._lanes:
            message = await lane.pull()
            if message is not None:
                self._rung.discard(lane.subject)
                return message
        return None

    async def _when_rung(self) -> Msg | None:
        try:
            async with asyncio.timeout(IDLE_POLL_S):
                await self._rang.wait()
        except TimeoutError:
            return None
        self._rang.clear()
        rung, self._rung = self._rung, set()
        for lane in self._lanes:
            if lane.subject in rung:
                return await lane.pull(LINGER_S)
        return None

    async def _ring(self, message: Msg) -> None:
        self._rung.add(message.subject)
        self._rang.set()
