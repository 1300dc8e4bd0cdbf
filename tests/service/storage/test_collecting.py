"""Blobs go when nothing needs them any more, and never before."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from libs.blobs import Backends, BlobNotFound, BlobStore
from libs.chassis.bus import Bus
from libs.chassis.database import Database
from libs.contracts.ids import new_id
from libs.contracts.storage import (
    CopyPath,
    CreateBucket,
    DeleteBucket,
    EmptyTrash,
    FindBlobs,
    PutContent,
    RestoreTrash,
)
from libs.contracts.versioning import GetVersion
from services.storage.collecting import (
    collect_condemned_blobs,
    condemn_unnamed_blobs,
    walk_blobs,
)
from services.storage.loops import purge_deleted_buckets, sweep_doomed_objects
from services.storage.settings import Settings
from tests.builders import a_bucket_name
from tests.platform import Platform
from tests.service.storage.bucket import ACTOR, Ask, Bucket, digest
from tests.service.storage.refusals import refused_as
from tests.waiting import eventually


@pytest.fixture
def settings(platform: Platform, storage_environment: dict[str, str]) -> Settings:
    """The settings of a second replica, which has no patience."""
    return Settings(
        database_url=platform.database_urls["storage"],
        nats_url=platform.nats_url,
        store_url=storage_environment["STRONGROOM_STORAGE_STORE_URL"],
        blob_grace_s=0.001,
        object_grace_s=0.001,
        blob_walk_interval_s=0.001,
        bucket_grace_s=0,
    )


@pytest.fixture
def collect(db: Database, admin_bus: Bus, settings: Settings) -> Callable[[], Awaitable[None]]:
    """Let two collectors do all that is to be done."""

    async def round_() -> None:
        await condemn_unnamed_blobs(db)
        await collect_condemned_blobs(db, admin_bus, settings)

    async def collect() -> None:
        await asyncio.gather(round_(), round_())

    return collect


Collect = Callable[[], Awaitable[None]]


async def test_overwritten_bytes_go_where_nobody_keeps_versions(
    bucket: Bucket, db: Database, store: BlobStore, collect: Collect
) -> None:
    old, new = new_id().bytes, new_id().bytes
    await bucket.put("a", old)
    key = (await bucket.get("a")).blob.key
    await bucket.put("a", new)

    await collect()
    await sweep_doomed_objects(db, Backends(store))

    assert not await _is_there(store, key)
    assert await bucket.read("a") == new
    assert not (await bucket.ask(FindBlobs(bucket=bucket.name, digests=[digest(old)]))).items
    with refused_as("content-not-found"):
        await bucket.change(PutContent(path="b", sha256=digest(old)))


async def test_bytes_that_another_file_has_stay(bucket: Bucket, collect: Collect) -> None:
    body = new_id().bytes
    await bucket.put("a", body)
    await bucket.change(CopyPath(source="a", path="b"))
    await bucket.delete("a")

    await collect()

    assert await bucket.read("b") == body


async def test_bytes_that_a_version_has_stay(ask: Ask, store: BlobStore, collect: Collect) -> None:
    name = a_bucket_name("kept")
    await ask(CreateBucket(name=name, actor=ACTOR, versioning="auto"))
    bucket = Bucket(ask, store, name)
    body = new_id().bytes
    await bucket.put("a", body)
    await bucket.put("a", new_id().bytes)

    await collect()

    version = await ask(GetVersion(bucket=name, path="a", version=1))
    assert version.sha256 == digest(body)
    (place,) = (await ask(FindBlobs(bucket=name, digests=[digest(body)]))).items
    assert await (await store.get(place.key)).read() == body


async def test_bytes_stay_although_their_version_is_not_recorded_yet(
    ask: Ask, db: Database, store: BlobStore, collect: Collect
) -> None:
    """Collectors run as fast as they can while files are put and overwritten."""
    name = a_bucket_name("race")
    await ask(CreateBucket(name=name, actor=ACTOR, versioning="auto"))
    bucket = Bucket(ask, store, name)
    bodies = [new_id().bytes for _ in range(20)]
    done = asyncio.Event()

    async def collect_all_the_time() -> None:
        while not done.is_set():
            await collect()

    collecting = asyncio.create_task(collect_all_the_time())
    for body in bodies:
        await bucket.put("a", body)
    done.set()
    await collecting
    await collect()

    held = await ask(FindBlobs(bucket=name, digests=[digest(body) for body in bodies]))
    assert {place.sha256 for place in held.items} == {digest(body) for body in bodies}


async def test_a_dedupe_hit_saves_condemned_bytes(
    bucket: Bucket, db: Database, admin_bus: Bus, settings: Settings, collect: Collect
) -> None:
    body = new_id().bytes
    await bucket.put("a", body)
    blob_id = (await bucket.get("a")).blob.blob_id
    await bucket.delete("a")
    await condemn_unnamed_blobs(db)
    assert await _is_condemned(db, blob_id)

    await bucket.put("b", body)
    await collect_condemned_blobs(db, admin_bus, settings)

    assert (await bucket.get("b")).blob.blob_id == blob_id
    assert await bucket.read("b") == body


async def test_bytes_that_were_named_again_for_a_moment_wait_again(
    bucket: Bucket, db: Database, admin_bus: Bus, settings: Settings
) -> None:
    body = new_id().bytes
    await bucket.put("a", body)
    blob_id = (await bucket.get("a")).blob.blob_id
    await bucket.delete("a")
    await condemn_unnamed_blobs(db)

    await bucket.change(PutContent(path="b", sha256=digest(body)))
    await bucket.delete("b")
    await collect_condemned_blobs(db, admin_bus, settings)

    assert (await bucket.ask(FindBlobs(bucket=bucket.name, digests=[digest(body)]))).items
    assert not await _is_condemned(db, blob_id)


async def test_bytes_in_the_trash_stay_until_it_is_emptied(
    ask: Ask, store: BlobStore, collect: Collect
) -> None:
    name = a_bucket_name("trash")
    await ask(CreateBucket(name=name, actor=ACTOR, versioning="off", trash_s=3600))
    bucket = Bucket(ask, store, name)
    body = new_id().bytes
    await bucket.put("a", body)
    await bucket.delete("a")

    await collect()
    await ask(RestoreTrash(bucket=name, actor=ACTOR, paths=["a"]))
    read = await bucket.read("a")
    await bucket.delete("a")
    await collect()
    before = await ask(FindBlobs(bucket=name, digests=[digest(body)]))
    await ask(EmptyTrash(bucket=name, actor=ACTOR, prefix=""))
    await collect()
    after = await ask(FindBlobs(bucket=name, digests=[digest(body)]))

    assert read == body
    assert (len(before.items), len(after.items)) == (1, 0)


async def test_what_a_purged_bucket_held_goes_with_all_versions(
    ask: Ask, db: Database, store: BlobStore, settings: Settings, collect: Collect
) -> None:
    name = a_bucket_name("purged")
    await ask(CreateBucket(name=name, actor=ACTOR, versioning="auto"))
    bucket = Bucket(ask, store, name)
    await bucket.put("a", new_id().bytes)
    key = (await bucket.get("a")).blob.key
    await bucket.delete("a")
    await ask(DeleteBucket(name=name, actor=ACTOR))

    async def purged() -> bool:
        await _forget_uploads(db)
        await purge_deleted_buckets(db, settings)
        await collect()
        await sweep_doomed_objects(db, Backends(store))
        return not await _is_there(store, key)

    await eventually(purged)


async def test_the_walk_finds_what_nobody_noted(
    bucket: Bucket, db: Database, settings: Settings, collect: Collect
) -> None:
    body = new_id().bytes
    await bucket.put("a", body)
    await bucket.delete("a")
    async with db.connection() as conn:
        await conn.execute("DELETE FROM unnamed_blob")

    async def gone() -> bool:
        await walk_blobs(db, settings)
        await collect()
        found = await bucket.ask(FindBlobs(bucket=bucket.name, digests=[digest(body)]))
        return not found.items

    await eventually(gone)


async def test_nothing_goes_before_its_grace_is_over(
    bucket: Bucket, db: Database, admin_bus: Bus, platform: Platform, settings: Settings
) -> None:
    patient = Settings(
        database_url=settings.database_url,
        nats_url=settings.nats_url,
        store_url=settings.store_url,
    )
    body = new_id().bytes
    await bucket.put("a", body)
    await bucket.delete("a")

    await condemn_unnamed_blobs(db)
    await collect_condemned_blobs(db, admin_bus, patient)

    await bucket.change(PutContent(path="b", sha256=digest(body)))
    assert await bucket.read("b") == body


async def _is_condemned(db: Database, blob_id: object) -> bool:
    async with db.connection() as conn:
        found: bool = await conn.fetchval(
            "SELECT EXISTS (SELECT FROM condemned_blob WHERE blob_id = $1)", blob_id
        )
    return found


async def _forget_uploads(db: Database) -> None:
    """A bucket keeps its rows for as long as an upload's answer may be asked for again."""
    async with db.connection() as conn:
        await conn.execute(
            "DELETE FROM upload USING bucket WHERE upload.bucket_id = bucket.bucket_id "
            "AND state = 'deleted'"
        )


async def _is_there(store: BlobStore, key: str) -> bool:
    try:
        await store.head(key)
    except BlobNotFound:
        return False
    return True
