"""What the ledger does by itself: it sees to tasks that are due, and counts.

Any number of ledgers may do so at once: each takes rows that the others do not hold.
"""

import time
from typing import get_args

from prometheus_client import Counter, Gauge

from libs.chassis.bus import Bus
from libs.chassis.database import Database
from libs.contracts.progress import TaskState
from services.progress.domain import deeds
from services.progress.ledger import Ledger
from services.progress.repository import counts, tasks

BATCH = 100

TASKS = Gauge("strongroom_tasks", "Tasks in the ledger, by state.", ["state"])
LOST = Counter("strongroom_attempts_lost_total", "Attempts whose worker fell silent.")


class Hearing:
    """Since when this ledger can hear its workers.

    One that was away, or whose bus was, must not take its own deafness for their silence: all
    leases would end at once, and every attempt be done again.
    """

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._since: float | None = None
        bus.when_reconnected(self._begin_again)

    def lasts_for(self, seconds: float) -> bool:
        """Tell whether everybody was heard during all of the last ``seconds``."""
        now = time.monotonic()
        if not self._bus.client.is_connected:
            self._since = None
        elif self._since is None:
            self._since = now
        return self._since is not None and now - self._since >= seconds

    def _begin_again(self) -> None:
        self._since = None


async def see_to_due_tasks(ledger: Ledger, hearing: Hearing) -> None:
    """Notice lost workers, dispatch what has rested, and dispatch again what nobody claimed."""
    while await _see_to_some(ledger, hearing) == BATCH:
        continue


async def _see_to_some(ledger: Ledger, hearing: Hearing) -> int:
    leases_too = hearing.lasts_for(ledger.pace.lease.total_seconds())
    async with ledger.writing() as entries:
        due = await tasks.list_due_for_update(entries.tx, limit=BATCH, leases_too=leases_too)
        now = await tasks.now(entries.tx)
        for task in due:
            await entries.amend(task, deeds.when_due(task, now, ledger.pace), now)
    LOST.inc(sum(task.worker is not None for task in due))
    return len(due)


async def measure_tasks(db: Database) -> None:
    """Show how many tasks are in each state."""
    async with db.transaction() as tx:
        await counts.fold(tx)
        known = await counts.by_state(tx)
    for state in get_args(TaskState):
        TASKS.labels(state).set(known.get(state, 0))
