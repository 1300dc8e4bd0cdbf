"""Blobs that move to another object are readable all the while, and nothing is left behind."""

import hashlib
from collections.abc import AsyncIterator
from uuid import UUID

import pytest

from libs.blobs import Backends, BlobNotFound, BlobStore
from libs.blobs.depot import Depot
from libs.blobs.memory import MemoryStore
from libs.chassis.bus import Bus
from libs.chassis.database import Connection, Database
from libs.contracts.ids import new_id
from libs.contracts.storage import CommitUpload
from services.storage.collecting import collect_condemned_blobs, condemn_unnamed_blobs
from services.storage.compacting import compact_worn_objects
from services.storage.loops import sweep_doomed_objects
from services.storage.relocating import relocate
from services.storage.repository import relocating as rows
from services.storage.settings import Settings
from tests.platform import Platform
from tests.service.storage.bucket import Bucket

BLOB_BYTES = 1000


@pytest.fixture
def settings(platform: Platform, storage_environment: dict[str, str]) -> Settings:
    """The settings of a second replica, which has no patience."""
    return Settings(
        database_url=platform.database_urls["storage"],
        nats_url=platform.nats_url,
        store_url=storage_environment["STRONGROOM_STORAGE_STORE_URL"],
        blob_grace_s=0.001,
        object_grace_s=0.001,
    )


@pytest.fixture
async def backends(store: BlobStore) -> AsyncIterator[Backends]:
    """The platform's store, and a fallback that only this test knows."""
    async with MemoryStore() as fallback:
        yield Backends(store, fallback)


async def test_an_object_of_which_most_is_dead_is_rewritten(
    bucket: Bucket, db: Database, admin_bus: Bus, backends: Backends, settings: Settings
) -> None:
    bodies = await _share_an_object(bucket, db, count=5)
    before = (await bucket.get("0")).blob
    for path in ("1", "2", "4"):
        await bucket.delete(path)

    await condemn_unnamed_blobs(db)
    await collect_condemned_blobs(db, admin_bus, settings)
    await compact_worn_objects(db, backends, settings)
    read_by_who_was_told_before = await (await Depot(backends).read(before)).read()
    await sweep_doomed_objects(db, backends)

    assert read_by_who_was_told_before == bodies[0]
    assert not await _is_there(backends, before.key)
    kept = [(await bucket.get(path)).blob for path in ("0", "3")]
    assert len({place.key for place in kept}) == 1
    assert (await backends.store("primary").head(kept[0].key)).size == 2 * BLOB_BYTES
    assert [await (await Depot(backends).read(place)).read() for place in kept] == [
        bodies[0],
        bodies[3],
    ]


async def test_an_object_of_which_most_lives_stays(
    bucket: Bucket, db: Database, admin_bus: Bus, backends: Backends, settings: Settings
) -> None:
    await _share_an_object(bucket, db, count=3)
    key = (await bucket.get("0")).blob.key
    await bucket.delete("1")

    await condemn_unnamed_blobs(db)
    await collect_condemned_blobs(db, admin_bus, settings)
    await compact_worn_objects(db, backends, settings)

    assert (await bucket.get("0")).blob.key == key


async def test_two_who_move_the_same_blobs_leave_one_object(
    bucket: Bucket, db: Database, backends: Backends, settings: Settings
) -> None:
    bodies = await _share_an_object(bucket, db, count=2)
    key = (await bucket.get("0")).blob.key
    async with db.connection() as conn:
        places = await rows.list_in_object(conn, key)

    first = await relocate(db, backends, settings, key, places)
    second = await relocate(db, backends, settings, key, places)
    await sweep_doomed_objects(db, backends)

    assert (first, second) == (True, False)
    place = (await bucket.get("1")).blob
    assert await (await Depot(backends).read(place)).read() == bodies[1]
    assert not await _is_there(backends, key)
    async with db.connection() as conn:
        promised = await conn.fetchval("SELECT count(*) FROM promised_object WHERE key = $1", key)
    assert promised == 0


async def test_what_the_fallback_took_is_read_at_home_afterwards(
    bucket: Bucket, db: Database, backends: Backends, settings: Settings
) -> None:
    body = new_id().bytes
    ticket = await bucket.begin("a", b"")
    await backends.store("fallback").put(ticket.key, body)
    await bucket.ask(
        CommitUpload(
            upload_id=ticket.upload_id,
            sha256=hashlib.sha256(body).hexdigest(),
            size=len(body),
            backend="fallback",
        )
    )
    async with db.connection() as conn:
        places = await rows.list_in_object(conn, ticket.key)

    assert await relocate(db, backends, settings, ticket.key, places)
    await sweep_doomed_objects(db, backends)

    place = (await bucket.get("a")).blob
    assert place.backend == "primary"
    assert await bucket.read("a") == body
    with pytest.raises(BlobNotFound):
        await backends.store("fallback").head(ticket.key)


async def test_what_cannot_be_read_in_the_fallback_is_quarantined_and_stays(
    bucket: Bucket, db: Database, backends: Backends, settings: Settings
) -> None:
    ticket = await bucket.begin("a", b"")
    body = new_id().bytes
    await bucket.ask(
        CommitUpload(
            upload_id=ticket.upload_id,
            sha256=hashlib.sha256(body).hexdigest(),
            size=len(body),
            backend="fallback",
        )
    )
    async with db.connection() as conn:
        places = await rows.list_in_object(conn, ticket.key)

    moved = await relocate(db, backends, settings, ticket.key, places)

    place = (await bucket.get("a")).blob
    assert (moved, place.backend, place.quarantined) == (False, "fallback", True)
    await bucket.put("a", body)  # heals it, so that nothing of this test stays in a fallback


async def _share_an_object(bucket: Bucket, db: Database, *, count: int) -> list[bytes]:
    """Put files that lie one behind the other in one object."""
    bodies = [new_id().bytes.ljust(BLOB_BYTES, b".") for _ in range(count)]
    for number, body in enumerate(bodies):
        await bucket.put(str(number), body)
    places = [(await bucket.get(str(number))).blob for number in range(count)]
    key = f"{places[0].key[: -len(str(places[0].blob_id))]}{new_id()}"
    await bucket.store.put(key, b"".join(bodies))
    async with db.connection() as conn:
        for number, place in enumerate(places):
            await _lie_at(conn, place.blob_id, key, number * BLOB_BYTES)
    for place in places:
        await bucket.store.delete(place.key)
    return bodies


async def _lie_at(conn: Connection, blob_id: UUID, key: str, offset: int) -> None:
    await conn.execute(
        "UPDATE blob SET key = $2, object_offset = $3 WHERE blob_id = $1", blob_id, key, offset
    )


async def _is_there(backends: Backends, key: str) -> bool:
    try:
        await backends.store("primary").head(key)
    except BlobNotFound:
        return False
    return True
