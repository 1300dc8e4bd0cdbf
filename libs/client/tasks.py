"""Tasks: long work, followed while it runs."""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from uuid import UUID

from libs.client.failures import ApiProblem, ClientFailure, TaskFailed
from libs.client.live import Live
from libs.client.paging import Page, items
from libs.client.transport import Transport
from libs.contracts.progress import FINAL_STATES, NumberedLog, TaskAccepted, TaskInfo, TaskState

TASKS = "/progress/tasks"
POLL_S = 1.0
LEDGER_S = 10.0
"""How long the ledger may take to learn of a task that was accepted."""


class Tasks:
    """All tasks that the key may see."""

    def __init__(self, transport: Transport, live: Live) -> None:
        self._transport = transport
        self._live = live

    async def get(self, task_id: UUID) -> TaskInfo:
        """Return a task; raises ``ApiProblem`` 404."""
        return await self._transport.get(f"{TASKS}/{task_id}", TaskInfo)

    def list(
        self, *, state: TaskState | None = None, kind: str | None = None, limit: int | None = None
    ) -> AsyncIterator[TaskInfo]:
        """Yield tasks, newest first."""
        params = {"state": state, "kind": kind}
        return items(self._transport, TASKS, Page[TaskInfo], params, limit=limit)

    def logs(self, task_id: UUID, *, limit: int | None = None) -> AsyncIterator[NumberedLog]:
        """Yield the lines that a task wrote, oldest first."""
        return items(self._transport, f"{TASKS}/{task_id}/logs", Page[NumberedLog], limit=limit)

    async def cancel(self, task_id: UUID) -> TaskInfo:
        """Ask a task to stop at its next safe point."""
        return await self._transport.post(f"{TASKS}/{task_id}/cancel", TaskInfo)

    async def retry(self, task_id: UUID) -> TaskInfo:
        """Run a failed or cancelled task once more."""
        return await self._transport.post(f"{TASKS}/{task_id}/retry", TaskInfo)

    async def watch(self, task: UUID | TaskAccepted) -> AsyncGenerator[TaskInfo, None]:
        """Yield a task as it is now and whenever it changed, until it has come to its end.

        Where no WebSocket gets through, the ledger is asked every second instead.
        """
        now = await self._first(task)
        yield now
        try:
            async with aclosing(self._live.task(now)) as changes:
                while now.state not in FINAL_STATES:
                    now = await anext(changes)
                    yield now
        except ClientFailure as failure:
            if isinstance(failure, ApiProblem) and failure.is_named:
                raise
        while now.state not in FINAL_STATES:
            await asyncio.sleep(POLL_S)
            last, now = now, await self.get(now.task_id)
            if now.offset > last.offset:
                yield now

    async def wait(self, task: UUID | TaskAccepted) -> TaskInfo:
        """Return a task at its end; raises ``TaskFailed`` unless it succeeded."""
        async with aclosing(self.watch(task)) as states:
            last = [state async for state in states][-1]
        return succeeded(last)

    async def _first(self, task: UUID | TaskAccepted) -> TaskInfo:
        """Return a task; one that was just accepted may not be in the ledger yet."""
        if isinstance(task, UUID):
            return await self.get(task)
        deadline = time.monotonic() + LEDGER_S
        while True:
            try:
                return await self.get(task.task_id)
            except ApiProblem as problem:
                if problem.status != 404 or time.monotonic() > deadline:
                    raise
            await asyncio.sleep(0.2)


def succeeded(task: TaskInfo) -> TaskInfo:
    """Return a finished task; raises ``TaskFailed`` when it was cancelled or failed."""
    if task.state == "succeeded":
        return task
    why = ""
    if task.problem is not None:
        why = f": {task.problem.detail or task.problem.title} [{task.problem.code}]"
    raise TaskFailed(f"task {task.task_id} ({task.kind}) {task.state}{why}")
