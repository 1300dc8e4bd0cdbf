"""Deleted buckets: listing them, and bringing one back within its grace."""

from libs.chassis import outbox
from libs.chassis.database import Database
from libs.chassis.rpc import serves
from libs.contracts.storage import (
    BucketRestored,
    DeletedBucketList,
    ListDeletedBuckets,
    RestoreBucket,
    RestoredBucket,
)
from services.storage.repository import deleted_buckets
from services.storage.settings import Settings


@serves(ListDeletedBuckets)
async def list_deleted_buckets(
    request: ListDeletedBuckets, db: Database, settings: Settings
) -> DeletedBucketList:
    async with db.connection() as conn:
        found = await deleted_buckets.list_deleted(
            conn, visible_to=request.visible_to, grace_s=settings.bucket_grace_s
        )
    return DeletedBucketList(items=found)


@serves(RestoreBucket)
async def restore_bucket(
    request: RestoreBucket, db: Database, settings: Settings
) -> RestoredBucket:
    """Open it again, empty, with its settings and grants; asked again, answer the same again."""
    async with db.transaction() as tx:
        restored = await deleted_buckets.restore(
            tx,
            request.bucket_id,
            visible_to=request.visible_to,
            grace_s=settings.bucket_grace_s,
        )
        bucket = restored.bucket
        if not restored.again:
            await outbox.add(
                tx,
                BucketRestored(
                    bucket=bucket.name,
                    bucket_id=bucket.bucket_id,
                    versioning=bucket.versioning,
                    actor=request.actor,
                ),
            )
    return RestoredBucket(bucket=bucket.info(), closed_at=restored.closed_at)
