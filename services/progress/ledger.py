"""The one way to change a task: lock, decide, keep, announce, and tell who watches.

What is decided is the domain's; here it becomes durable. A tick is published after the commit; one
that a crash swallows is seen by its missing offset.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from uuid import UUID

from msgspec import structs
from nats.errors import Error as NatsError

from libs.chassis import outbox
from libs.chassis.bus import Bus
from libs.chassis.database import Connection, Database
from libs.contracts.live import TaskTick
from libs.contracts.progress import Json
from services.progress.domain.announcements import announced
from services.progress.domain.limits import Limits
from services.progress.domain.pace import Pace
from services.progress.domain.task import Task
from services.progress.repository import tasks


class Entries:
    """What is written into the ledger in one transaction."""

    def __init__(self, tx: Connection) -> None:
        self.tx = tx
        self.written: dict[UUID, Task] = {}

    async def add(self, task: Task, args: Json, now: datetime) -> bool:
        """Enter a new task; false, and nothing happens, when its id is known already."""
        task, events = announced(None, structs.replace(task, offset=1), now)
        if not await tasks.insert(self.tx, task, args):
            return False
        await outbox.add(self.tx, *events)
        self.written[task.task_id] = task
        return True

    async def amend(self, before: Task, becomes: Task, now: datetime) -> Task:
        """Enter what a locked task becomes; returns it as it was entered."""
        if becomes is before:
            return before
        counted = structs.replace(becomes, offset=before.offset + 1, updated_at=now)
        task, events = announced(before, counted, now)
        await tasks.update(self.tx, task)
        await outbox.add(self.tx, *events)
        self.written[task.task_id] = task
        return task


class Change:
    """One task, locked: set ``task`` to what it becomes."""

    def __init__(self, tx: Connection, task: Task, now: datetime) -> None:
        self.tx = tx
        self.task = task
        self.now = now


class Ledger:
    """All tasks, and the times and limits that hold for them."""

    def __init__(self, db: Database, bus: Bus, pace: Pace, limits: Limits) -> None:
        self._db = db
        self._bus = bus
        self.pace = pace
        self.limits = limits

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[Entries]:
        """Open a transaction for entries; after its commit, those who watch hear of them."""
        async with self._db.transaction() as tx:
            entries = Entries(tx)
            yield entries
        for task in entries.written.values():
            await self._tell_who_watches(task)

    @asynccontextmanager
    async def change(self, task_id: UUID) -> AsyncIterator[Change]:
        """Lock one task for a change; afterwards ``task`` is what was entered."""
        async with self.writing() as entries:
            before = await tasks.get_for_update(entries.tx, task_id)
            change = Change(entries.tx, before, await tasks.now(entries.tx))
            yield change
            change.task = await entries.amend(before, change.task, change.now)

    async def _tell_who_watches(self, task: Task) -> None:
        tick = TaskTick(task=task.info())
        # What was committed stays so, whether or not anybody can be told right now.
        with suppress(NatsError, OSError):
            await self._bus.publish_live(tick.subject(task.task_id), tick)
