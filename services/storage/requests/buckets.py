"""Buckets: making, listing, changing, marking and removing them."""

from msgspec import UNSET, UnsetType

from libs.blobs.encoding.keyring import Keyring
from libs.chassis import outbox
from libs.chassis.database import Connection, Database
from libs.chassis.rpc import serves
from libs.contracts.base import Done
from libs.contracts.ids import new_id
from libs.contracts.paths import check_search_text
from libs.contracts.progress import TaskAccepted, TaskRequested
from libs.contracts.storage import (
    BucketCreated,
    BucketDeleted,
    BucketInfo,
    BucketList,
    BucketMark,
    BucketMarked,
    BucketUpdated,
    CreateBucket,
    DeleteBucket,
    EmptyAndDeleteBucket,
    Encryption,
    GetBucket,
    ListBuckets,
    MarkBucket,
    UpdateBucket,
)
from services.storage import jobs
from services.storage.domain.buckets import Bucket, changed
from services.storage.domain.checks import check_names
from services.storage.domain.errors import (
    BucketNotEmpty,
    BucketNotFound,
    EncryptionUnavailable,
)
from services.storage.domain.lifecycle import check_rules
from services.storage.locks import check_nothing_locked
from services.storage.repository import buckets, files, pending
from services.storage.requests.grants import give
from services.storage.retelling import request_telling
from services.storage.settings import Settings


@serves(CreateBucket)
async def create_bucket(
    request: CreateBucket, db: Database, keys: Keyring, service: Settings
) -> BucketInfo:
    _check_encryption(request.encryption, keys)
    check_rules(request.lifecycle)
    check_names(request.checks, clamd=service.clamd_address is not None)
    async with db.transaction() as tx:
        bucket = await buckets.insert_bucket(tx, new_id(), request)
        await outbox.add(
            tx,
            BucketCreated(
                bucket=bucket.name,
                bucket_id=bucket.bucket_id,
                versioning=bucket.versioning,
                actor=request.actor,
            ),
        )
        if request.owned_by is not None:
            await give(tx, bucket, request.owned_by, "owner", actor=request.actor)
    return bucket.info()


@serves(GetBucket)
async def get_bucket(request: GetBucket, db: Database) -> BucketInfo:
    async with db.connection() as conn:
        bucket = await buckets.get_bucket(conn, request.name)
    return bucket.info()


@serves(ListBuckets)
async def list_buckets(request: ListBuckets, db: Database) -> BucketList:
    check_search_text(request.start_after, "start_after")
    async with db.connection() as conn:
        found = await buckets.list_buckets(
            conn,
            start_after=request.start_after,
            visible_to=request.visible_to,
            limit=request.limit + 1,
        )
    shown = found[: request.limit]
    return BucketList(
        items=[bucket.info() for bucket in shown],
        next=shown[-1].name if len(found) > len(shown) else None,
    )


@serves(UpdateBucket)
async def update_bucket(
    request: UpdateBucket, db: Database, keys: Keyring, service: Settings
) -> BucketInfo:
    _check_encryption(request.encryption, keys)
    if request.lifecycle is not UNSET:
        check_rules(request.lifecycle)
    if request.checks is not UNSET:
        check_names(request.checks, clamd=service.clamd_address is not None)
    async with db.transaction() as tx:
        # Protected behind every change that began before, so that none comes in after the answer.
        alone = request.protected is True
        before = await buckets.get_open_for_change(tx, request.name, alone=alone)
        versioning = before.versioning if request.versioning is UNSET else request.versioning
        settings = changed(before.settings, request)
        if (versioning, settings) == (before.versioning, before.settings):
            return before.info()
        bucket = await buckets.update_settings(tx, before.bucket_id, versioning, settings)
        if (before.versioning, versioning) == ("off", "auto"):
            await request_telling(tx, bucket, request.actor)
        await outbox.add(
            tx,
            BucketUpdated(
                bucket=bucket.name,
                bucket_id=bucket.bucket_id,
                versioning=bucket.versioning,
                actor=request.actor,
                settings=bucket.settings,
            ),
        )
    return bucket.info()


@serves(DeleteBucket)
async def delete_bucket(request: DeleteBucket, db: Database) -> Done:
    async with db.transaction() as tx:
        bucket = await buckets.get_bucket(tx, request.name)
        bucket.check_open()
        # Asked before the lock, too: it waits for writers, and keeps them waiting.
        await _check_empty(tx, bucket)
        locked = await buckets.find_for_update(tx, bucket.bucket_id)
        if locked is None:
            raise BucketNotFound(request.name, bucket=request.name)
        locked.check_open()
        await _check_empty(tx, locked)
        await check_nothing_locked(tx, locked)
        await buckets.delete(tx, locked.bucket_id)
        await outbox.add(
            tx,
            BucketDeleted(bucket=locked.name, bucket_id=locked.bucket_id, actor=request.actor),
        )
    return Done()


@serves(EmptyAndDeleteBucket)
async def empty_and_delete_bucket(request: EmptyAndDeleteBucket, db: Database) -> TaskAccepted:
    """Close the bucket and have it emptied; asked again meanwhile, answer with the same task."""
    task_id = new_id()
    async with db.transaction() as tx:
        bucket = await buckets.close(tx, request.name, task_id)
        await check_nothing_locked(tx, bucket)
        if bucket.closing_task_id == task_id:
            args = jobs.EmptyBucket(bucket_id=bucket.bucket_id, bucket=bucket.name)
            await outbox.add(
                tx,
                TaskRequested(
                    task_id=task_id,
                    kind=jobs.EMPTY_BUCKET,
                    queue=jobs.QUEUE,
                    actor=request.actor,
                    title=f"Delete bucket {bucket.name} with all its files",
                    args=args.as_json(),
                ),
            )
    return TaskAccepted(task_id=bucket.closing_task_id or task_id, kind=jobs.EMPTY_BUCKET)


@serves(MarkBucket)
async def mark_bucket(request: MarkBucket, db: Database) -> BucketMark:
    """Announce a mark: what was committed before has its place in the outbox already, before it."""
    mark_id = new_id()
    async with db.transaction() as tx:
        bucket = await buckets.get_bucket(tx, request.name)
        await outbox.add(
            tx, BucketMarked(bucket=bucket.name, bucket_id=bucket.bucket_id, mark_id=mark_id)
        )
    return BucketMark(mark_id=mark_id)


def _check_encryption(wanted: Encryption | UnsetType, keys: Keyring) -> None:
    if wanted not in (UNSET, "off") and keys.newest is None:
        raise EncryptionUnavailable("give storage, gateway and backup a master key first")


async def _check_empty(tx: Connection, bucket: Bucket) -> None:
    if await files.exists_any(tx, bucket.bucket_id):
        raise BucketNotEmpty(bucket.name, bucket=bucket.name)
    waiting = await pending.find_any_waiting(tx, bucket.bucket_id)
    if waiting is not None:
        raise BucketNotEmpty(f"{waiting!r} waits for its checks", bucket=bucket.name)
