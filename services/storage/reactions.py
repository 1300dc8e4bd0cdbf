"""What storage does about what others announce."""

from collections.abc import Sequence

from libs.chassis import inbox
from libs.chassis.database import Database
from libs.chassis.reactions import reacts
from libs.contracts.progress import TaskFinished
from services.storage.jobs import EMPTY_BUCKET
from services.storage.repository import buckets


@reacts(TaskFinished, as_="storage-reopen-bucket")
async def reopen_bucket(events: Sequence[TaskFinished], db: Database) -> None:
    """Let a bucket take changes again when the task that was to empty it did not."""
    async with db.transaction() as tx:
        for event in await inbox.first_times(tx, "storage-reopen-bucket", events):
            if event.kind == EMPTY_BUCKET and event.state != "succeeded":
                await buckets.reopen(tx, event.task_id)
