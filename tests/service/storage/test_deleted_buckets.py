"""Deleted buckets can be brought back within their grace, with all that history has of them."""

import asyncio
from uuid import UUID

from libs.blobs import BlobStore
from libs.chassis.bus import Bus
from libs.chassis.database import Database
from libs.contracts.ids import new_id
from libs.contracts.problems import AnsweredWithProblem
from libs.contracts.storage import (
    BucketInfo,
    BucketRestored,
    CreateBucket,
    DeleteBucket,
    DeletedBucket,
    EmptyAndDeleteBucket,
    FindBlobs,
    GetBucket,
    GetBucketPolicy,
    ListDeletedBuckets,
    ListTrash,
    MarkBucket,
    RestoreBucket,
    RestoredBucket,
)
from libs.contracts.versioning import ListVersions, Restore
from services.storage.collecting import collect_condemned_blobs, condemn_unnamed_blobs
from services.storage.loops import purge_deleted_buckets, sweep_uploads
from services.storage.settings import Settings
from tests.listening import Events
from tests.service.storage.bucket import ACTOR, Ask, Bucket, Making, digest
from tests.service.storage.refusals import refused_as
from tests.waiting import eventually

OWNER = "user:owner"


async def deleted(bucket: Bucket, *, visible_to: list[str] | None = None) -> DeletedBucket | None:
    found = await bucket.ask(ListDeletedBuckets(visible_to=visible_to))
    return next((one for one in found.items if one.name == bucket.name), None)


async def empty_and_delete(bucket: Bucket) -> DeletedBucket:
    await bucket.ask(EmptyAndDeleteBucket(name=bucket.name, actor=ACTOR))

    async def gone() -> DeletedBucket | None:
        return await deleted(bucket)

    found = await eventually(gone, timeout_s=30)
    assert found is not None
    return found


async def delete_empty(bucket: Bucket) -> DeletedBucket:
    await bucket.ask(DeleteBucket(name=bucket.name, actor=ACTOR))
    found = await deleted(bucket)
    assert found is not None
    return found


async def restore(bucket: Bucket, bucket_id: UUID) -> RestoredBucket:
    return await bucket.ask(RestoreBucket(bucket_id=bucket_id, actor=ACTOR))


async def bring_files_back(bucket: Bucket, restored: RestoredBucket) -> int:
    """Ask versioning as the gateway does; it may hear of the bucket a moment later."""
    wish = Restore(
        bucket=bucket.name,
        bucket_id=restored.bucket.bucket_id,
        to=f"@{restored.closed_at.isoformat()}",
        actor=ACTOR,
    )

    async def done() -> int | None:
        try:
            return (await bucket.ask(wish)).changed
        except AnsweredWithProblem as problem:
            if problem.named != "bucket-not-found":
                raise
            return None

    changed = await eventually(done)
    assert changed is not None
    return changed


async def info_of(bucket: Bucket) -> BucketInfo:
    return await bucket.ask(GetBucket(name=bucket.name))


async def test_an_emptied_bucket_comes_back_with_its_files_and_versions(
    a_bucket_with: Making, db: Database, admin_bus: Bus, impatient: Settings, events: Events
) -> None:
    bucket = await a_bucket_with(versioning="auto", compression="zstd", owned_by=OWNER)
    info = await info_of(bucket)
    old, new, other = (new_id().bytes for _ in range(3))
    await bucket.put("a", old)
    await bucket.put("a", new)
    await bucket.put("b/c", other, tags={"k": "v"})
    before = await bucket.all()

    gone = await empty_and_delete(bucket)
    await condemn_unnamed_blobs(db)
    await collect_condemned_blobs(db, admin_bus, impatient)
    restored = await restore(bucket, gone.bucket_id)
    empty = await bucket.all()
    changed = await bring_files_back(bucket, restored)

    assert gone.bucket_id == info.bucket_id
    assert gone.closed_at < gone.deleted_at < gone.gone_at
    assert restored.bucket == info
    assert (empty, changed) == ({}, 2)
    after = await bucket.all()
    assert {p: (f.sha256, f.tags) for p, f in after.items()} == {
        p: (f.sha256, f.tags) for p, f in before.items()
    }
    assert (await bucket.read("a"), await bucket.read("b/c")) == (new, other)
    versions = await bucket.ask(ListVersions(bucket=bucket.name, path="a"))
    assert digest(old) in {version.sha256 for version in versions.items}
    grants = (await bucket.ask(GetBucketPolicy(name=bucket.name))).grants
    assert [(grant.principal, grant.role) for grant in grants] == [(OWNER, "owner")]
    (told,) = await events.until(BucketRestored, lambda event: event.bucket == bucket.name)
    assert (told.bucket_id, told.actor) == (info.bucket_id, ACTOR)
    assert await deleted(bucket) is None
    await bucket.ask(MarkBucket(name=bucket.name))


async def test_a_bucket_comes_back_as_it_was_a_moment_before(a_bucket_with: Making) -> None:
    bucket = await a_bucket_with(versioning="auto")
    bodies = [new_id().bytes for _ in range(12)]
    for at, body in enumerate(bodies):
        await bucket.put(f"f{at % 5}", body)
    await bucket.delete("f4")
    before = await bucket.all()

    gone = await empty_and_delete(bucket)
    await bring_files_back(bucket, await restore(bucket, gone.bucket_id))

    after = await bucket.all()
    assert {path: file.sha256 for path, file in after.items()} == {
        path: file.sha256 for path, file in before.items()
    }


async def test_restored_again_it_is_answered_the_same(bucket: Bucket) -> None:
    gone = await delete_empty(bucket)

    first = await restore(bucket, gone.bucket_id)
    await bucket.put("new", b"new")
    again = await restore(bucket, gone.bucket_id)

    assert again == first
    assert set(await bucket.all()) == {"new"}


async def test_a_bucket_can_be_deleted_and_restored_several_times(bucket: Bucket) -> None:
    first = await delete_empty(bucket)
    await restore(bucket, first.bucket_id)
    await bucket.put("a", new_id().bytes)

    second = await empty_and_delete(bucket)
    await restore(bucket, second.bucket_id)

    assert second.bucket_id == first.bucket_id
    assert second.closed_at > first.deleted_at
    assert await bucket.all() == {}


async def test_a_name_that_is_taken_again_stays_with_who_has_it(ask: Ask, bucket: Bucket) -> None:
    gone = await delete_empty(bucket)
    await ask(CreateBucket(name=bucket.name, actor=ACTOR, versioning="off"))

    with refused_as("bucket-exists", bucket=bucket.name):
        await restore(bucket, gone.bucket_id)

    assert await deleted(bucket) is not None


async def test_two_that_restore_the_same_bucket_restore_it_once(
    bucket: Bucket, events: Events
) -> None:
    gone = await delete_empty(bucket)

    answers = await asyncio.gather(*(restore(bucket, gone.bucket_id) for _ in range(4)))

    assert len({answer.bucket.bucket_id for answer in answers}) == 1
    await events.until(BucketRestored, lambda event: event.bucket == bucket.name)
    assert len(events.of(BucketRestored, lambda event: event.bucket == bucket.name)) == 1


async def test_only_its_owners_see_a_deleted_bucket(a_bucket_with: Making) -> None:
    bucket = await a_bucket_with(owned_by=OWNER)
    await delete_empty(bucket)

    assert await deleted(bucket, visible_to=[OWNER]) is not None
    assert await deleted(bucket, visible_to=["user:other"]) is None


async def test_the_trash_of_a_deleted_bucket_comes_back(a_bucket_with: Making) -> None:
    bucket = await a_bucket_with(trash_s=10_000)
    await bucket.put("a", new_id().bytes)
    await bucket.delete("a")
    gone = await delete_empty(bucket)

    await restore(bucket, gone.bucket_id)

    trash = await bucket.ask(ListTrash(bucket=bucket.name))
    assert [entry.path for entry in trash.items] == ["a"]


async def test_after_its_grace_a_bucket_is_gone_for_good(
    a_bucket_with: Making,
    db: Database,
    admin_bus: Bus,
    store: BlobStore,
    impatient: Settings,
) -> None:
    bucket = await a_bucket_with(versioning="auto")
    body = new_id().bytes
    await bucket.put("a", body)
    blob = (await bucket.get("a")).blob
    gone = await empty_and_delete(bucket)
    await sweep_uploads(db)

    async def purged() -> bool:
        await sweep_uploads(db)
        await purge_deleted_buckets(db, impatient)
        await condemn_unnamed_blobs(db)
        await collect_condemned_blobs(db, admin_bus, impatient)
        async with db.connection() as conn:
            left = await conn.fetchval("SELECT 1 FROM blob WHERE blob_id = $1", blob.blob_id)
        return left is None

    await eventually(purged)

    assert await deleted(bucket) is None
    with refused_as("deleted-bucket-not-found"):
        await restore(bucket, gone.bucket_id)


async def test_a_bucket_beyond_its_grace_is_not_restored_before_it_is_purged(
    bucket: Bucket, db: Database
) -> None:
    gone = await delete_empty(bucket)
    async with db.connection() as conn:
        await conn.execute(
            "UPDATE bucket SET deleted_at = now() - interval '8 days' WHERE bucket_id = $1",
            gone.bucket_id,
        )

    with refused_as("deleted-bucket-not-found"):
        await restore(bucket, gone.bucket_id)

    assert await deleted(bucket) is None


async def test_who_takes_the_name_does_not_get_the_bytes_of_a_deleted_bucket(
    ask: Ask, bucket: Bucket
) -> None:
    body = new_id().bytes
    await bucket.put("a", body)
    await bucket.delete("a")
    await delete_empty(bucket)

    await ask(CreateBucket(name=bucket.name, actor=ACTOR, versioning="off"))

    found = await ask(FindBlobs(bucket=bucket.name, digests=[digest(body)]))
    assert found.items == []
