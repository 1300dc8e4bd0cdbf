"""The topic of a task: each tick is the whole task, so the newest one says all."""

import asyncio
import logging
from contextlib import suppress
from typing import Any
from uuid import UUID

import msgspec
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.errors import Error as NatsError

from libs.chassis.bus import Bus
from libs.contracts.live import TaskTick
from libs.contracts.problems import Problem
from libs.contracts.progress import FINAL_STATES, GetTask, TaskInfo
from services.gateway.domain.live import Seen
from services.gateway.edge.cancelling import cancel
from services.gateway.live.sources import News, Snapshot, Tell

LOOK_AGAIN_S = 5.0
"""A tick may be lost with a connection; after such a silence the ledger is asked."""

log = logging.getLogger(__name__)

_decoder = msgspec.json.Decoder(TaskTick)


class TaskSource:
    """Ticks on ``live.task.<id>``, and the ledger wherever they could have a hole."""

    def __init__(self, bus: Bus, task_id: UUID) -> None:
        self._bus = bus
        self._task_id = task_id
        self._tell: Tell = lambda: None
        self._task: TaskInfo | None = None
        self._taken = -1
        self._heard = asyncio.Event()
        self._subscription: Subscription | None = None
        self._looking: asyncio.Task[Any] | None = None

    async def open(self, tell: Tell) -> None:
        """Listen first and ask then: nothing falls between."""
        self._tell = tell
        self._subscription = await self._bus.subscribe(TaskTick.subject(self._task_id), self._hear)
        try:
            self._accept(await self._ask())
        except BaseException:
            await self.close()
            raise
        self._looking = asyncio.create_task(self._look_again())

    async def close(self) -> None:
        """Stop listening."""
        if self._looking is not None:
            await cancel([self._looking])
        if self._subscription is not None:
            subscription, self._subscription = self._subscription, None
            with suppress(NatsError, OSError):
                await subscription.unsubscribe()

    def take(self) -> News | None:
        """Return the task if it changed."""
        task = self._task
        if task is None or task.offset <= self._taken:
            return None
        self._taken = task.offset
        return News(epoch=_epoch(task), offset=task.offset, data=task)

    async def snapshot(self) -> Snapshot:
        """Return the task as the ledger has it."""
        self._accept(await self._ask())
        task = self._known()
        return Snapshot(epoch=_epoch(task), offset=task.offset, data=task)

    async def missed(self, since: Seen) -> list[News] | None:
        """Return nothing when the client saw the newest state; older ticks are not kept."""
        self._accept(await self._ask())
        task = self._known()
        return [] if since == Seen(_epoch(task), task.offset) else None

    async def _hear(self, message: Msg) -> None:
        try:
            self._accept(_decoder.decode(message.data).task)
        except msgspec.DecodeError as error:
            log.warning("a tick of task %s cannot be read: %s", self._task_id, error)

    def _accept(self, task: TaskInfo) -> None:
        self._heard.set()
        if self._task is None or task.offset > self._task.offset:
            self._task = task
            self._tell()

    async def _look_again(self) -> None:
        while True:
            self._heard.clear()
            try:
                async with asyncio.timeout(LOOK_AGAIN_S):
                    await self._heard.wait()
            except TimeoutError:
                if self._known().state not in FINAL_STATES:
                    with suppress(Problem):
                        self._accept(await self._ask())

    async def _ask(self) -> TaskInfo:
        return await self._bus.ask(GetTask(task_id=self._task_id), timeout_s=2.0)

    def _known(self) -> TaskInfo:
        if self._task is None:
            raise RuntimeError("the task is used before it was opened")
        return self._task


def _epoch(task: TaskInfo) -> str:
    """Return what changes if the ledger begins to count anew."""
    return f"{task.created_at.timestamp():.6f}"
