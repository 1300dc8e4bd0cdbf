"""The way from the outbox to JetStream.

One relay leads per service, by an advisory lock of its own session; the others wait. It publishes
in the order of the outbox with ``Nats-Msg-Id``, stores the sequence that the stream acknowledged,
and keeps rows for a week. When a stream is younger or shorter than what was acknowledged, it was
lost, and everything that it has not got is published again: PostgreSQL is the record.

A crash between acknowledgement and mark sends a batch twice: the stream drops the copies it
remembers, and each consumer's inbox drops the rest.
"""

import asyncio
import logging
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime

import asyncpg
from nats.errors import Error as NatsError
from nats.js.errors import NotFoundError
from prometheus_client import Counter, Gauge

from libs.chassis import outbox
from libs.chassis.bus import Bus
from libs.chassis.crashpoint import crashpoint
from libs.chassis.database import Database
from libs.chassis.outbox import Acknowledged, Waiting
from libs.contracts.problems import ServiceUnavailable
from libs.contracts.streams import REQUESTED_BY_ALL, stream_for, streams_of

BATCH = 500
PUBLISH_TIMEOUT_S = 5.0
CHECK_EVERY_S = 2.0
TRY_LOCK = "SELECT pg_try_advisory_lock(hashtext('strongroom relay'), hashtext(current_schema()))"

PUBLISHED = Counter("strongroom_relay_published_total", "Events acknowledged by a stream.")
WAITING = Gauge("strongroom_relay_waiting", "Events in the outbox that are not published.")
REPLAYED = Counter("strongroom_relay_replayed_total", "Events published again for a lost stream.")

PAUSES = (
    ServiceUnavailable,
    NatsError,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    OSError,
)
"""What the relay waits out: database or bus are away."""

log = logging.getLogger(__name__)


class Relay:
    """Publishes a service's outbox; run one in every replica, one of them leads."""

    def __init__(self, db: Database, bus: Bus, *, interval_s: float = 1.0) -> None:
        self._db = db
        self._bus = bus
        self._interval_s = interval_s
        self._bell = asyncio.Event()
        self._leads = False
        self._checked_at = float("-inf")
        self._publishing = asyncio.Lock()
        self._background: set[asyncio.Task[None]] = set()
        db.when_announced(self.ring)
        bus.when_reconnected(self._doubt)

    def ring(self) -> None:
        """Say that something waits: to the relay here, or to the one that leads elsewhere."""
        self._bell.set()
        if not self._leads and self._bus.client.is_connected:
            task = asyncio.create_task(self._bus.client.publish(self._wake_subject))
            self._background.add(task)
            task.add_done_callback(self._background.discard)

    @property
    def _wake_subject(self) -> str:
        return f"wake.{self._bus.name}"

    async def run(self) -> None:
        """Lead when nobody else does, and publish; never returns."""
        await self._bus.client.subscribe(self._wake_subject, cb=self._woken)
        while True:
            try:
                await self._lead()
            except PAUSES as error:
                log.warning("the relay pauses: %s", error)
            self._leads = False
            await asyncio.sleep(self._interval_s)

    async def finish(self) -> None:
        """Publish what waits, if it is this one that leads and as far as the bus answers."""
        try:
            async with asyncio.timeout(PUBLISH_TIMEOUT_S):
                while self._leads and await self.publish_waiting():
                    pass
        except PAUSES as error:
            log.warning("events stay in the outbox for the next start: %s", error)

    def _doubt(self) -> None:
        """Look at the streams before publishing: the server that is back may have lost some."""
        self._checked_at = float("-inf")

    async def _woken(self, _message: object) -> None:
        self._bell.set()

    async def _lead(self) -> None:
        lock = await self._db.lone_connection()
        try:
            if not await lock.fetchval(TRY_LOCK):
                WAITING.set(0)  # the leader tells
                return
            self._leads = True
            log.info("leading the relay")
            self._checked_at = float("-inf")
            while not lock.is_closed():
                await self._round(lock)
        finally:
            # Closing the session gives the lock back, whatever state it is in.
            lock.terminate()

    async def _round(self, lock: "asyncpg.Connection[asyncpg.Record]") -> None:
        self._bell.clear()
        now = asyncio.get_running_loop().time()
        if now - self._checked_at >= CHECK_EVERY_S:
            self._checked_at = now  # set first: a reconnection meanwhile asks for another look
            await lock.execute("SELECT 1")  # the lock lives only as long as its session
            await self._tidy()
            await self._check_streams()
        if await self.publish_waiting() < BATCH:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._bell.wait(), self._interval_s)

    async def publish_waiting(self, limit: int = BATCH) -> int:
        """Publish the oldest waiting events in order and mark them; return how many there were."""
        async with self._publishing, self._db.transaction() as tx:
            rows = await outbox.list_waiting(tx, limit)
            if not rows:
                return 0
            acknowledged = await self._publish(rows)
            crashpoint("relay_after_ack")
            lost = await outbox.unpublish_overwritten(tx, acknowledged)
            await outbox.mark_published(tx, acknowledged)
        PUBLISHED.inc(len(acknowledged))
        for stream, count in lost.items():
            _tell_replayed(stream, count)
        if len(acknowledged) < len(rows):
            raise ServiceUnavailable("JetStream acknowledged only a part")
        return len(rows)

    async def _publish(self, rows: Sequence[Waiting]) -> list[Acknowledged]:
        """Publish ``rows`` at once, in their order; return those that a stream acknowledged.

        What is not among them may be stored nevertheless: it is sent again with the same id.
        """
        async with self._bus.waiting(PUBLISH_TIMEOUT_S + 1):
            answers = await asyncio.gather(
                *(
                    self._bus.jetstream.publish(
                        row.subject,
                        row.payload,
                        timeout=PUBLISH_TIMEOUT_S,
                        stream=stream_for(row.subject).name,
                        headers=row.headers,
                    )
                    for row in rows
                ),
                return_exceptions=True,
            )
        answered = list(zip(rows, answers, strict=True))
        refused = [(row, why) for row, why in answered if isinstance(why, BaseException)]
        if refused:
            row, why = refused[0]
            log.warning("%d events wait, first %s: %r", len(refused), row.subject, why)
        return [(row, ack) for row, ack in answered if not isinstance(ack, BaseException)]

    async def _check_streams(self) -> None:
        """Declare the service's streams, and publish again what a lost one has not got."""
        for spec in streams_of(self._bus.name):
            info = await self._bus.declare(spec)
            await self._compare(spec.name, info.created, info.state.last_seq)
        requests = stream_for(REQUESTED_BY_ALL)
        if requests.owner != self._bus.name:
            try:
                info = await self._bus.jetstream.stream_info(requests.name)
            except NotFoundError:
                return  # its owner makes it again, then we compare
            await self._compare(requests.name, info.created, info.state.last_seq)

    async def _compare(self, stream: str, created: datetime | None, last_seq: int) -> None:
        async with self._db.transaction() as tx:
            known = await tx.fetchval(
                "SELECT created_at FROM relay_stream WHERE stream = $1 FOR UPDATE", stream
            )
            if known is not None and created is not None and created != known:
                count = await outbox.unpublish(tx, stream, after=0)
            else:
                count = await outbox.unpublish(tx, stream, after=last_seq)
            await tx.execute(
                """
                INSERT INTO relay_stream (stream, created_at)
                VALUES ($1, $2)
                ON CONFLICT (stream) DO UPDATE
                SET created_at = excluded.created_at
                WHERE relay_stream.created_at <> excluded.created_at
                """,
                stream,
                created,
            )
        if count:
            _tell_replayed(stream, count)

    async def _tidy(self) -> None:
        """Count what waits and let go of what is old enough."""
        async with self._db.connection() as conn:
            WAITING.set(
                await conn.fetchval("SELECT count(*) FROM outbox WHERE published_at IS NULL")
            )
            for table, column in (("outbox", "published_at"), ("inbox", "applied_at")):
                await conn.execute(
                    f"""
                    DELETE FROM {table}
                    WHERE ctid = ANY(ARRAY(
                        SELECT ctid
                        FROM {table}
                        WHERE {column} < now() - interval '{outbox.KEEP}'
                        LIMIT 5000
                    ))
                    """  # noqa: S608 - three constants of our own
                )


def _tell_replayed(stream: str, count: int) -> None:
    REPLAYED.inc(count)
    log.warning("stream %s went backwards: publishing %d events again", stream, count)
