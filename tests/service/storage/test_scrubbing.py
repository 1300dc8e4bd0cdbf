"""Damaged bytes are found, quarantined and healed; nobody ever gets them."""

from collections.abc import Awaitable, Callable

import httpx
import pytest

from libs.blobs import Backends, BlobStore
from libs.blobs.depot import Depot
from libs.blobs.encoding.keyring import Keyring
from libs.chassis.database import Database
from libs.contracts.ids import new_id
from libs.contracts.storage import (
    BlobPlace,
    CopyPath,
    CreateBucket,
    Encryption,
    FileQuarantined,
    ListQuarantined,
    QuarantinedBlob,
)
from services.storage.scrubbing import scrub_blobs
from services.storage.settings import Settings
from tests.builders import a_bucket_name
from tests.listening import Events
from tests.platform import Platform
from tests.service.storage.bucket import ACTOR, Ask, Bucket
from tests.waiting import eventually

API = "/api/v1/buckets"


@pytest.fixture
def settings(platform: Platform, storage_environment: dict[str, str]) -> Settings:
    """The settings of a second replica."""
    return Settings(
        database_url=platform.database_urls["storage"],
        nats_url=platform.nats_url,
        store_url=storage_environment["STRONGROOM_STORAGE_STORE_URL"],
    )


Scrub = Callable[[], Awaitable[None]]


@pytest.fixture
def scrub(
    db: Database, store: BlobStore, settings: Settings, storage_environment: dict[str, str]
) -> Scrub:
    """Read all blobs that are due."""
    keys = Keyring.parse(storage_environment.get("STRONGROOM_STORAGE_MASTER_KEYS"))
    depot = Depot(Backends(store), keys)

    async def scrub() -> None:
        await scrub_blobs(db, depot, settings)

    return scrub


async def test_the_scrubber_quarantines_a_flipped_bit(
    bucket: Bucket, db: Database, store: BlobStore, scrub: Scrub, events: Events, ask: Ask
) -> None:
    """F12."""
    body = new_id().bytes
    await bucket.put("a", body)
    await bucket.change(CopyPath(source="a", path="b"))
    place = (await bucket.get("a")).blob
    await _flip_a_bit(store, place)
    await _make_due(db, place)

    await scrub()

    assert (await bucket.get("a")).blob.quarantined
    told = await events.until(FileQuarantined, lambda e: e.bucket == bucket.name, count=2)
    assert {(event.path, event.sha256) for event in told} == {
        ("a", place.sha256),
        ("b", place.sha256),
    }
    listed = await _listed(ask, place)
    assert listed is not None
    assert listed.files == [f"{bucket.name}/a", f"{bucket.name}/b"]


async def test_the_scrubber_quarantines_a_lost_object(
    bucket: Bucket, db: Database, store: BlobStore, scrub: Scrub, ask: Ask
) -> None:
    await bucket.put("a", new_id().bytes)
    place = (await bucket.get("a")).blob
    await store.delete(place.key)
    await _make_due(db, place)

    await scrub()

    listed = await _listed(ask, place)
    assert listed is not None
    assert listed.damage == "the object is not in the store"


async def test_intact_bytes_are_not_due_for_a_month(
    bucket: Bucket, db: Database, scrub: Scrub
) -> None:
    await bucket.put("a", new_id().bytes)
    place = (await bucket.get("a")).blob
    await _make_due(db, place)

    await scrub()

    async with db.connection() as conn:
        age_s = await conn.fetchval(
            "SELECT extract(epoch FROM now() - checked_at)::float8 FROM blob WHERE blob_id = $1",
            place.blob_id,
        )
    assert age_s < 3600
    assert not (await bucket.get("a")).blob.quarantined


async def test_a_reader_who_meets_damage_has_it_quarantined_at_once(
    bucket: Bucket, store: BlobStore, http: httpx.AsyncClient
) -> None:
    """F12."""
    await bucket.put("a", new_id().bytes)
    await _flip_a_bit(store, (await bucket.get("a")).blob)

    first = await http.get(f"{API}/{bucket.name}/files/a")
    second = await http.get(f"{API}/{bucket.name}/files/a", headers={"Range": "bytes=0-3"})

    for answer in (first, second):
        assert answer.status_code == 502
        assert answer.json()["type"] == "urn:strongroom:problem:file-damaged"
    assert (await bucket.get("a")).blob.quarantined
    shown = (await http.get("/api/v1/system/quarantine?limit=1000")).json()["items"]
    assert [f"{bucket.name}/a"] in [item["files"] for item in shown]


async def test_what_was_reported_and_proves_intact_is_read_again(
    bucket: Bucket, store: BlobStore, http: httpx.AsyncClient, scrub: Scrub
) -> None:
    body = new_id().bytes
    await bucket.put("a", body)
    place = (await bucket.get("a")).blob
    await store.delete(place.key)
    assert (await http.get(f"{API}/{bucket.name}/files/a")).status_code == 502

    await store.put(place.key, body)
    await scrub()

    assert (await http.get(f"{API}/{bucket.name}/files/a")).content == body


@pytest.mark.parametrize("encryption", ["off", "aes-256-gcm"])
async def test_the_same_bytes_put_again_heal_every_file_that_has_them(
    ask: Ask,
    store: BlobStore,
    http: httpx.AsyncClient,
    scrub: Scrub,
    db: Database,
    encryption: Encryption,
) -> None:
    name = a_bucket_name("healed")
    await ask(CreateBucket(name=name, actor=ACTOR, encryption=encryption))
    body = new_id().bytes * 100
    bucket = Bucket(ask, store, name)
    await http.put(f"{API}/{name}/files/a", content=body)
    place = (await bucket.get("a")).blob
    await _flip_a_bit(store, place)
    assert (await http.get(f"{API}/{name}/files/a")).status_code == 502

    again = await http.put(f"{API}/{name}/files/b", content=body)

    assert again.status_code == 201
    for path in ("a", "b"):
        answer = await http.get(f"{API}/{name}/files/{path}")
        assert (answer.status_code, answer.content) == (200, body)
    await _make_due(db, (await bucket.get("a")).blob)
    await scrub()
    healed = (await bucket.get("a")).blob
    assert not healed.quarantined
    assert (healed.blob_id, healed.key != place.key) == (place.blob_id, True)


async def _flip_a_bit(store: BlobStore, place: BlobPlace) -> None:
    data = bytearray(await (await store.get(place.key)).read())
    data[place.offset + place.stored_bytes // 2] ^= 1
    await store.put(place.key, bytes(data))


async def _make_due(db: Database, place: BlobPlace) -> None:
    async with db.connection() as conn:
        await conn.execute(
            "UPDATE blob SET checked_at = now() - interval '31 days' WHERE blob_id = $1",
            place.blob_id,
        )


async def _listed(ask: Ask, place: BlobPlace) -> QuarantinedBlob | None:
    async def find() -> bool:
        found = await ask(ListQuarantined(limit=1000))
        return any(item.blob_id == place.blob_id for item in found.items)

    await eventually(find)
    found = await ask(ListQuarantined(limit=1000))
    return next((item for item in found.items if item.blob_id == place.blob_id), None)
