"""Tasks on a running ledger, and watching what happens to them."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, Protocol
from uuid import UUID, uuid4

import msgspec
from nats.aio.msg import Msg

from libs.chassis.bus import Bus
from libs.chassis.database import Database
from libs.contracts.base import R, Request
from libs.contracts.ids import new_id
from libs.contracts.live import TaskTick
from libs.contracts.progress import CreateTask, GetTask, TaskInfo
from tests.waiting import eventually

DbOf = Callable[[str], Awaitable[Database]]


class Ask(Protocol):
    """The fixture ``ask``."""

    async def __call__(self, request: Request[R], *, timeout_s: float = 10.0) -> R: ...


def a_queue() -> str:
    """Return the name of a queue that nobody serves yet."""
    return f"q-{uuid4().hex[:12]}"


def an_order(**changes: Any) -> CreateTask:
    """Return an order of an external task, unless it is changed."""
    order: dict[str, Any] = {"task_id": new_id(), "kind": "test.work", "actor": "key:test"}
    return CreateTask(**(order | changes))


async def until_state(ask: Ask, task_id: UUID, *states: str, timeout_s: float = 10.0) -> TaskInfo:
    """Wait until the task is in one of ``states``, and return it."""

    async def look() -> TaskInfo | None:
        task = await ask(GetTask(task_id=task_id))
        assert task.state in states, task
        return task

    found = await eventually(look, timeout_s=timeout_s)
    assert found is not None
    return found


async def make_due(db_of: DbOf, task_id: UUID) -> None:
    """Let the time that the ledger waits for have come: lease, pause or offer is over."""
    db = await db_of("progress")
    async with db.transaction() as tx:
        await tx.execute("UPDATE task SET due_at = now() WHERE task_id = $1", task_id)


@asynccontextmanager
async def ticks_of(bus: Bus, task_id: UUID) -> AsyncIterator[list[TaskInfo]]:
    """Collect what is told live of a task."""
    ticks: list[TaskInfo] = []

    async def hear(message: Msg) -> None:
        ticks.append(msgspec.json.decode(message.data, type=TaskTick).task)

    subscription = await bus.subscribe(TaskTick.subject(task_id), hear)
    await bus.client.flush()
    try:
        yield ticks
    finally:
        await subscription.unsubscribe()
