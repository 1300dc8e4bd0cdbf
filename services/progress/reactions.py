"""What the ledger does when something happened elsewhere."""

from collections.abc import Sequence
from datetime import datetime

from libs.chassis import inbox
from libs.chassis.reactions import reacts
from libs.contracts.progress import TaskRequested
from services.progress.domain import deeds
from services.progress.domain.failures import TaskTooLarge
from services.progress.domain.task import wanted
from services.progress.ledger import Entries, Ledger
from services.progress.repository import tasks

RECORD_REQUEST = "progress-record-request"


@reacts(TaskRequested, as_=RECORD_REQUEST, batch=100)
async def record_request(events: Sequence[TaskRequested], ledger: Ledger) -> None:
    """Enter every task that somebody wants, and dispatch it; an id that is known stays as it is."""
    async with ledger.writing() as entries:
        now = await tasks.now(entries.tx)
        for event in await inbox.first_times(entries.tx, RECORD_REQUEST, events):
            await _record(entries, event, ledger, now)


async def _record(entries: Entries, event: TaskRequested, ledger: Ledger, now: datetime) -> None:
    task = wanted(event, now)
    try:
        ledger.limits.check(args=event.args)
    except TaskTooLarge as problem:
        # Whoever asked got an id and waits for the task: it is there, failed, and says why.
        await entries.add(deeds.refuse(task, problem.details(), now), {}, now)
    else:
        await entries.add(deeds.start(task, now, ledger.pace), event.args, now)
