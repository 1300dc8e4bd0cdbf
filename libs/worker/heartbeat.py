"""The heartbeat of one attempt: lease, progress and log lines go, "still wanted?" comes."""

import asyncio
import logging
from collections import deque
from contextlib import suppress
from datetime import UTC, datetime
from typing import Literal

from msgspec import structs

from libs.chassis.bus import Bus
from libs.contracts.problems import AnsweredWithProblem, ServiceUnavailable
from libs.contracts.progress import (
    ClaimedTask,
    Json,
    LogLevel,
    ReportTask,
    TaskLog,
    TaskProgressNow,
)

StopReason = Literal["cancelled", "draining", "over"]
"""The user cancelled it, this worker shuts down, or the attempt was given to another worker."""

SHORTEST_PAUSE_S = 0.1
LINES_PER_REPORT = 500
LINES_WAITING = 10_000
LONGEST_LINE = 4096
LONGEST_TEXT = 500

log = logging.getLogger(__name__)


class TaskStopped(Exception):
    """The attempt is to stop here. Clean up and let it pass; it is not a failure."""

    def __init__(self, reason: StopReason) -> None:
        super().__init__(reason)
        self.reason = reason


class Heartbeat:
    """What an attempt has to tell the ledger, and what the ledger told it.

    What cannot be sent because the ledger is away is kept and merged with what comes after.
    """

    def __init__(self, bus: Bus, claimed: ClaimedTask) -> None:
        self._bus = bus
        self._claimed = claimed
        self._beat_s = claimed.lease_s / 3
        self._now = TaskProgressNow()
        self._lines: deque[TaskLog] = deque(maxlen=LINES_WAITING)
        self._noted = asyncio.Event()
        self._ended = asyncio.Event()
        self._sending = asyncio.Lock()
        self.cancelled = asyncio.Event()
        self.stopped: StopReason | None = None

    def note(self, now: TaskProgressNow) -> None:
        """Tell ``now`` with one of the next beats."""
        self._now = merged(self._now, _short(now))
        self._noted.set()

    def note_line(self, level: LogLevel, message: str) -> None:
        """Tell a log line with one of the next beats; the oldest waiting ones give way."""
        line = TaskLog(level=level, message=message[:LONGEST_LINE], at=datetime.now(UTC))
        self._lines.append(line)
        self._noted.set()

    def stop(self, reason: StopReason) -> None:
        """Make the next ``raise_if_cancelled`` of the job raise; the first reason holds."""
        self.stopped = self.stopped or reason

    async def beat(self) -> None:
        """Report what changed, and at least thrice per lease; return when the attempt is over."""
        while await self._is_due():
            try:
                await self.send()
            except TaskStopped:
                return
            except ServiceUnavailable as error:
                log.warning("task %s cannot report: %s", self._claimed.task_id, error)
                await self._rest(min(1.0, self._beat_s))
                self._noted.set()
            except AnsweredWithProblem as problem:
                log.warning("task %s: a report was refused: %s", self._claimed.task_id, problem)
            await self._rest(min(SHORTEST_PAUSE_S, self._beat_s))

    def end(self) -> None:
        """Let ``beat`` return, after the report that is on its way, if there is one."""
        self._ended.set()
        self._noted.set()

    async def send(self, checkpoint: Json | None = None) -> None:
        """Report once, now.

        Raises ``TaskStopped`` when the attempt is over, ``ServiceUnavailable`` when the ledger
        did not answer (nothing is forgotten then), ``AnsweredWithProblem`` when it refused.
        """
        async with self._sending:
            self._noted.clear()
            now, lines = self._take()
            report = ReportTask(
                task_id=self._claimed.task_id,
                attempt=self._claimed.attempt,
                now=now,
                logs=lines,
                checkpoint=checkpoint,
            )
            try:
                wanted = await self._bus.ask(report, timeout_s=min(5.0, self._beat_s))
            except ServiceUnavailable:
                self._put_back(now, lines)
                raise
            except AnsweredWithProblem as problem:
                if problem.named in ("attempt-is-over", "task-not-found"):
                    self.stop("over")
                    raise TaskStopped("over") from problem
                if problem.details().status >= 500:
                    self._put_back(now, lines)
                    raise ServiceUnavailable(str(problem)) from problem
                raise
            if not wanted.go_on:
                self.stop("cancelled")
                self.cancelled.set()

    async def send_surely(self, checkpoint: Json | None = None) -> None:
        """Report until the ledger heard all there is, however long it is away.

        Raises ``TaskStopped`` and ``AnsweredWithProblem`` as ``send`` does.
        """
        pause_s = SHORTEST_PAUSE_S
        while True:
            try:
                await self.send(checkpoint)
            except ServiceUnavailable:
                await asyncio.sleep(pause_s)
                pause_s = min(2 * pause_s, 2.0)
            else:
                if not self._lines:
                    return

    async def _is_due(self) -> bool:
        """Wait for news, or until the lease must be renewed; false when beating has an end."""
        with suppress(TimeoutError):
            async with asyncio.timeout(self._beat_s):
                await self._noted.wait()
        return not self._ended.is_set()

    async def _rest(self, seconds: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._ended.wait()

    def _take(self) -> tuple[TaskProgressNow, list[TaskLog]]:
        now, self._now = self._now, TaskProgressNow()
        count = min(LINES_PER_REPORT, len(self._lines))
        lines = [self._lines.popleft() for _ in range(count)]
        if self._lines:
            self._noted.set()
        return now, lines

    def _put_back(self, now: TaskProgressNow, lines: list[TaskLog]) -> None:
        self._now = merged(now, self._now)
        room = LINES_WAITING - len(self._lines)
        self._lines.extendleft(reversed(lines[-room:] if room else []))


def merged(older: TaskProgressNow, newer: TaskProgressNow) -> TaskProgressNow:
    """Return both in one, where ``newer`` wins."""
    told = {name: value for name, value in structs.asdict(newer).items() if value is not None}
    return structs.replace(older, **told)


def _short(now: TaskProgressNow) -> TaskProgressNow:
    """Cut what a job says to what the contract holds, rather than lose the report."""
    return structs.replace(
        now,
        current_step=now.current_step and now.current_step[:LONGEST_TEXT],
        message=now.message and now.message[:LONGEST_TEXT],
    )
