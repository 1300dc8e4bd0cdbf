"""What storage does about what others announce."""

from collections.abc import Sequence

from libs.chassis import inbox
from libs.chassis.database import Database
from libs.chassis.reactions import reacts
from libs.contracts.progress import TaskFinished
from libs.contracts.versioning import VersionsExpired
from services.storage.jobs import EMPTY_BUCKET
from services.storage.repository import buckets, expired


@reacts(TaskFinished, as_="storage-reopen-bucket")
async def reopen_bucket(events: Sequence[TaskFinished], db: Database) -> None:
    """Let a bucket take changes again when the task that was to empty it did not."""
    async with db.transaction() as tx:
        for event in await inbox.first_times(tx, "storage-reopen-bucket", events):
            if event.kind == EMPTY_BUCKET and event.state != "succeeded":
                await buckets.reopen(tx, event.task_id)


@reacts(VersionsExpired, as_="storage-forget-expired")
async def forget_expired(events: Sequence[VersionsExpired], db: Database) -> None:
    """Count past states no more that history gave up, and look at their bytes soon.

    Whether they go is for ``collecting`` to find out: files, trash, locks and other buckets may
    need them, and history may by now.
    """
    async with db.transaction() as tx:
        for event in await inbox.first_times(tx, "storage-forget-expired", events):
            blob_ids = await expired.list_blobs(tx, event.bucket_id, event.digests)
            await expired.forget_states(tx, event.bucket_id, blob_ids, event.occurred_at)
            await expired.note(tx, blob_ids)
