"""Bytes that history gives up go, unless something else needs them."""

from collections.abc import Awaitable, Callable
from uuid import UUID

import pytest

from libs.blobs import BlobStore
from libs.chassis import outbox
from libs.chassis.bus import Bus
from libs.chassis.database import Database
from libs.contracts.ids import new_id
from libs.contracts.problems import AnsweredWithProblem
from libs.contracts.storage import (
    CopyPath,
    FindBlobs,
    GetBucket,
    GetBucketUsage,
    ListTrash,
    RestoreTrash,
)
from libs.contracts.versioning import ListVersions, VersionsExpired
from services.storage.collecting import collect_condemned_blobs, condemn_unnamed_blobs
from services.storage.settings import Settings
from tests.service.storage.bucket import ACTOR, Bucket, Making, digest
from tests.waiting import eventually

NOT_YET = ("bucket-not-found", "file-not-found")
Expire = Callable[[Bucket, bytes], Awaitable[None]]


@pytest.fixture
async def expire(
    db: Database, db_of: Callable[[str], Awaitable[Database]]
) -> Callable[[Bucket, bytes], Awaitable[None]]:
    """Give up content as versioning's retention does: its rows and its event in one transaction."""

    async def expire(bucket: Bucket, body: bytes) -> None:
        bucket_id = (await bucket.ask(GetBucket(name=bucket.name))).bucket_id
        event = VersionsExpired(bucket=bucket.name, bucket_id=bucket_id, digests=[digest(body)])
        async with (await db_of("versioning")).transaction() as tx:
            await tx.execute(
                """
                UPDATE version
                SET expired_at = now()
                WHERE bucket_id = $1
                  AND sha256 = $2
                """,
                bucket_id,
                bytes.fromhex(digest(body)),
            )
            await outbox.add(tx, event)
        await eventually(lambda: _is_heard(db, event.event_id))

    return expire


async def _is_heard(db: Database, event_id: UUID) -> bool:
    async with db.connection() as conn:
        return bool(await conn.fetchval("SELECT 1 FROM inbox WHERE event_id = $1", event_id))


async def recorded(bucket: Bucket, path: str, versions: int) -> None:
    async def known() -> bool:
        try:
            found = await bucket.ask(ListVersions(bucket=bucket.name, path=path))
        except AnsweredWithProblem as problem:
            if problem.named not in NOT_YET:
                raise
            return False
        return len(found.items) == versions

    await eventually(known)


async def is_there(bucket: Bucket, body: bytes) -> bool:
    return bool((await bucket.ask(FindBlobs(bucket=bucket.name, digests=[digest(body)]))).items)


@pytest.fixture
async def bucket(a_bucket_with: Making) -> Bucket:
    return await a_bucket_with(versioning="auto")


@pytest.fixture
def collect(db: Database, admin_bus: Bus, impatient: Settings) -> Callable[[], Awaitable[None]]:
    async def collect() -> None:
        await condemn_unnamed_blobs(db)
        await collect_condemned_blobs(db, admin_bus, impatient)

    return collect


async def test_bytes_that_nobody_needs_go_and_are_counted_no_more(
    bucket: Bucket, expire: Expire, collect: Callable[[], Awaitable[None]]
) -> None:
    old, new = new_id().bytes, new_id().bytes
    await bucket.put("a", old)
    await bucket.put("a", new)
    await recorded(bucket, "a", 2)
    before = await bucket.ask(GetBucketUsage(bucket=bucket.name))

    await expire(bucket, old)
    after = await bucket.ask(GetBucketUsage(bucket=bucket.name))
    await collect()

    assert (before.versions.bytes, after.versions.bytes) == (16, 0)
    assert not await is_there(bucket, old)
    assert await bucket.read("a") == new


async def test_bytes_that_a_live_file_has_stay(
    bucket: Bucket, expire: Expire, collect: Callable[[], Awaitable[None]]
) -> None:
    body = new_id().bytes
    await bucket.put("a", body)
    await bucket.change(CopyPath(source="a", path="b"))
    await bucket.put("a", new_id().bytes)
    await recorded(bucket, "a", 2)

    await expire(bucket, body)
    await collect()

    assert await bucket.read("b") == body


async def test_bytes_in_the_trash_stay_until_it_forgets_them(
    a_bucket_with: Making, expire: Expire, collect: Callable[[], Awaitable[None]], store: BlobStore
) -> None:
    bucket = await a_bucket_with(versioning="auto", trash_s=10_000)
    body = new_id().bytes
    await bucket.put("a", body)
    await bucket.delete("a")
    await recorded(bucket, "a", 2)

    await expire(bucket, body)
    await collect()

    trash = await bucket.ask(ListTrash(bucket=bucket.name))
    assert [entry.path for entry in trash.items] == ["a"]
    await bucket.ask(RestoreTrash(bucket=bucket.name, actor=ACTOR, paths=["a"]))
    assert await bucket.read("a") == body


async def test_bytes_that_history_still_names_stay(
    bucket: Bucket,
    db_of: Callable[[str], Awaitable[Database]],
    db: Database,
    collect: Callable[[], Awaitable[None]],
) -> None:
    body = new_id().bytes
    await bucket.put("a", body)
    await bucket.put("a", new_id().bytes)
    await recorded(bucket, "a", 2)
    bucket_id = (await bucket.ask(GetBucket(name=bucket.name))).bucket_id
    untrue = VersionsExpired(bucket=bucket.name, bucket_id=bucket_id, digests=[digest(body)])

    async with (await db_of("versioning")).transaction() as tx:
        await outbox.add(tx, untrue)
    await eventually(lambda: _is_heard(db, untrue.event_id))
    await collect()

    assert await is_there(bucket, body)
