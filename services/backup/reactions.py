"""What the ledger says about our tasks."""

from collections.abc import Sequence

from libs.chassis import inbox
from libs.chassis.database import Database
from libs.chassis.reactions import reacts
from libs.contracts.progress import TaskFinished
from services.backup.repository import snapshots, targets

OURS = "backup."


@reacts(TaskFinished, as_="backup-release-target", batch=200)
async def release_target(events: Sequence[TaskFinished], db: Database) -> None:
    """Let go of the target, and close a snapshot that no attempt will finish any more.

    A task that was cancelled before it began, or lost with its worker for good, ends only here.
    """
    ours = [event for event in events if event.kind.startswith(OURS)]
    if not ours:
        return
    async with db.transaction() as tx:
        finished = await inbox.first_times(tx, "backup-release-target", ours)
        await targets.delete_tasks(tx, [event.task_id for event in finished])
        unfinished = [event.task_id for event in finished if event.state != "succeeded"]
        await snapshots.fail_of_tasks(tx, unfinished)
