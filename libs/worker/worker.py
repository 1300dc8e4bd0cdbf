"""Takes work from one queue and runs it, a few tasks at a time."""

import asyncio
import logging
import os
import secrets
import socket
from collections.abc import Sequence
from contextlib import suppress
from types import ModuleType
from typing import Self
from uuid import UUID

from nats.aio.msg import Msg
from nats.errors import Error as NatsError

from libs.chassis import telemetry
from libs.chassis.bus import Bus
from libs.contracts import envelope
from libs.contracts.problems import AnsweredWithProblem, ServiceUnavailable
from libs.contracts.progress import ClaimedTask, ClaimTask, WorkReady
from libs.worker.attempt import Attempt
from libs.worker.jobs import jobs_in
from libs.worker.lanes import Lanes
from libs.worker.stopping import stopped

CLAIM_AGAIN_S = 1.0
LAST_WORDS_S = 3.0

log = logging.getLogger(__name__)


class Worker:
    """Runs the jobs of ``jobs`` for the tasks of ``queue``, at most ``concurrency`` at once.

    Opened, it takes work; ``drain``, or closing it, ends that: nothing new is taken, every job may
    finish or stop at its next safe point for ``drain_timeout_s``, the rest is stopped, and what is
    unfinished goes back to the ledger, so that another worker goes on at once. The bus must be
    opened before it and closed after it.

    Any number of workers may serve a queue. One that dies without a word is noticed by the ledger.
    """

    def __init__(
        self,
        bus: Bus,
        *,
        queue: str,
        jobs: Sequence[ModuleType],
        given: Sequence[object] = (),
        concurrency: int = 2,
        drain_timeout_s: float = 10.0,
    ) -> None:
        self.name = f"worker-{queue}"
        self._bus = bus
        self._lanes = Lanes(bus, queue)
        self._jobs = jobs_in(jobs, given)
        self._slots = asyncio.Semaphore(concurrency)
        self._drain_timeout_s = drain_timeout_s
        self._me = f"{bus.name}@{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"
        self._attempts: dict[tuple[UUID, int], Attempt] = {}
        self._running: set[asyncio.Task[None]] = set()
        self._beginning: set[asyncio.Task[None]] = set()
        self._taking: asyncio.Task[None]

    async def __aenter__(self) -> Self:
        self._taking = asyncio.create_task(self._take(), name=self.name)
        return self

    async def __aexit__(self, *failure: object) -> None:
        await self.drain()

    async def run(self) -> None:
        """Take and run tasks until cancelled, then drain: the whole of a user's own program."""
        async with self:
            await asyncio.shield(self._taking)

    async def check(self) -> None:
        """Raise ``ServiceUnavailable`` unless work is being taken."""
        if self._taking.done():
            raise ServiceUnavailable(f"{self.name} takes no work")

    async def drain(self) -> None:
        """Take nothing more, and see every attempt to its end or back to the ledger."""
        await stopped(self._taking)
        if self._beginning:
            await asyncio.wait(self._beginning)
        for attempt in self._attempts.values():
            attempt.ask_to_stop()
        if self._running:
            await asyncio.wait(self._running, timeout=self._drain_timeout_s)
        stops = {asyncio.create_task(attempt.insist()) for attempt in self._attempts.values()}
        if stops:
            await asyncio.wait(stops | self._running, timeout=LAST_WORDS_S)

    async def _take(self) -> None:
        async with self._lanes as lanes:
            while True:
                await self._slots.acquire()
                message = await lanes.next()
                beginning = asyncio.create_task(self._begin(message))
                self._beginning.add(beginning)
                beginning.add_done_callback(self._beginning.discard)
                # Shielded: what the ledger has given must be run, or given back.
                await asyncio.shield(beginning)

    async def _begin(self, message: Msg) -> None:
        try:
            claimed = await self._claim(message)
        except Exception as error:
            # The boundary: whatever is wrong with one message, a worker goes on taking work.
            log.exception("an answer of the ledger was not understood")
            await _put_back(message, error)
            claimed = None
        if claimed is None:
            self._slots.release()
        else:
            self._start(claimed, message)

    async def _claim(self, message: Msg) -> ClaimedTask | None:
        """Ask the ledger for the attempt; None when it is not to be had, or not now.

        Asking twice is safe: the ledger gives the same attempt to the same worker again, which
        matters when its first answer was lost.
        """
        try:
            ready = envelope.decode(message.headers, message.data)
        except (envelope.UnknownEvent, envelope.UnreadableEvent) as error:
            log.warning("unreadable work on %s is dropped: %s", message.subject, error)
            await _drop(message)
            return None
        if not isinstance(ready, WorkReady) or (ready.task_id, ready.attempt) in self._attempts:
            await _drop(message)
            return None
        wish = ClaimTask(task_id=ready.task_id, attempt=ready.attempt, worker=self._me)
        try:
            claimed = await self._bus.ask(wish)
        except ServiceUnavailable as error:
            await _put_back(message, error)
            return None
        except AnsweredWithProblem as problem:
            if problem.details().status >= 500:
                await _put_back(message, problem)
                return None
            log.debug("task %s is not to be had: %s", ready.task_id, problem)
            await _drop(message)
            return None
        await _drop(message)  # from here on the ledger watches over the attempt
        return claimed

    def _start(self, claimed: ClaimedTask, message: Msg) -> None:
        key = (claimed.task_id, claimed.attempt)
        attempt = self._attempts[key] = Attempt(self._bus, self._jobs, claimed)

        async def run() -> None:
            parent = telemetry.incoming(message.headers)
            with telemetry.span(f"task {claimed.kind}", parent=parent, attempt=claimed.attempt):
                await attempt.run()

        def ended(running: asyncio.Task[None]) -> None:
            self._running.discard(running)
            del self._attempts[key]
            self._slots.release()

        running = asyncio.create_task(run())
        self._running.add(running)
        running.add_done_callback(ended)


async def _drop(message: Msg) -> None:
    """Take the message off its lane."""
    with suppress(NatsError):  # it comes again, and is refused by the claim
        await message.ack()


async def _put_back(message: Msg, error: Exception) -> None:
    """Let the message come again a little later, to any worker."""
    log.warning("the ledger gives no work now: %s", error)
    with suppress(NatsError):
        await message.nak(delay=CLAIM_AGAIN_S)
    await asyncio.sleep(CLAIM_AGAIN_S)
