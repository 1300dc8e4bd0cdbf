"""Work that takes longer than a request may: emptying a bucket."""

from typing import Any
from uuid import UUID

import msgspec
from msgspec import Struct

from libs.chassis import outbox
from libs.chassis.database import Database
from libs.contracts.ids import new_id
from libs.contracts.storage import BucketDeleted, BucketMarked
from libs.worker import Task, runs
from services.storage.domain.changes import Write
from services.storage.locks import check_nothing_locked
from services.storage.recording import record
from services.storage.repository import buckets, files

QUEUE = "storage"
EMPTY_BUCKET = "storage.empty_bucket"
BATCH = 500


class EmptyBucket(Struct, frozen=True, kw_only=True):
    """Which bucket to empty and delete."""

    bucket_id: UUID
    bucket: str

    def as_json(self) -> dict[str, Any]:
        """Return the arguments as a task carries them."""
        plain: dict[str, Any] = msgspec.to_builtins(self)
        return plain


@runs(EMPTY_BUCKET)
async def empty_bucket(task: Task, args: EmptyBucket, db: Database) -> dict[str, Any]:
    """Delete all files of the bucket, a batch in each transaction, then the bucket.

    What is left to do is in the tables, so another attempt just goes on.
    """
    async with db.transaction() as tx:
        bucket = await buckets.close_for_task(tx, args.bucket_id, task.task_id)
        if bucket is None:
            return {"deleted": 0}
        # Parts what the bucket was from its end: what it was can be restored.
        mark = BucketMarked(bucket=bucket.name, bucket_id=bucket.bucket_id, mark_id=new_id())
        await outbox.add(tx, mark)
        total = await files.count(tx, args.bucket_id)
    task.progress(done=0, total=total, unit="items", current_step="deleting files")
    deleted = 0
    while True:
        task.raise_if_cancelled()
        batch = await _delete_batch(db, args.bucket_id, task.actor)
        if batch == 0 and await _delete_bucket(db, args.bucket_id, task.actor):
            return {"deleted": deleted}
        deleted += batch
        task.progress(done=deleted, total=max(deleted, total))


async def _delete_batch(db: Database, bucket_id: UUID, actor: str) -> int:
    async with db.transaction() as tx:
        bucket = await buckets.find_for_share(tx, bucket_id)
        if bucket is None:
            return 0
        found = await files.list_first_for_update(tx, bucket_id, BATCH)
        removals = [Write(path=file.path, content=None, operation="delete") for file in found]
        return len(await record(tx, bucket, removals, actor, as_set=True))


async def _delete_bucket(db: Database, bucket_id: UUID, actor: str) -> bool:
    """Delete the bucket; False when a change that began before it was closed came in after all."""
    async with db.transaction() as tx:
        bucket = await buckets.find_for_update(tx, bucket_id)
        if bucket is None:
            return True
        if await files.exists_any(tx, bucket_id):
            return False
        await check_nothing_locked(tx, bucket)
        await buckets.delete(tx, bucket_id)
        await outbox.add(tx, BucketDeleted(bucket=bucket.name, bucket_id=bucket_id, actor=actor))
    return True
