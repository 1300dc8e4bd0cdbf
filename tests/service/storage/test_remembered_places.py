"""Gateways remember where bytes lie; blobs move meanwhile, and no good one is taken for damaged."""

import os
from collections.abc import AsyncIterator

import httpx
import pytest

from libs.blobs import Backends, BlobStore
from libs.blobs.memory import MemoryStore
from libs.chassis.database import Database
from libs.contracts.storage import ReportDamage
from services.gateway.cache.records import BELIEVE_S
from services.gateway.cache.shared import LASTS_S
from services.storage.loops import sweep_doomed_objects
from services.storage.relocating import relocate
from services.storage.repository import relocating as rows
from services.storage.settings import Settings
from tests.platform import Platform
from tests.service.storage.bucket import Bucket

LARGE = 300 * 1024
"""More than a gateway keeps of contents."""


@pytest.fixture
async def backends(store: BlobStore) -> AsyncIterator[Backends]:
    async with MemoryStore() as fallback:
        yield Backends(store, fallback)


def settings(platform: Platform, storage_environment: dict[str, str], **chosen: float) -> Settings:
    return Settings(
        database_url=platform.database_urls["storage"],
        nats_url=platform.nats_url,
        store_url=storage_environment["STRONGROOM_STORAGE_STORE_URL"],
        **chosen,  # type: ignore[arg-type]
    )


async def move(db: Database, backends: Backends, settings: Settings, key: str) -> None:
    """Move an object, and delete what may be deleted by then."""
    async with db.connection() as conn:
        places = await rows.list_in_object(conn, key)
    assert await relocate(db, backends, settings, key, places)
    await sweep_doomed_objects(db, backends)


async def put(http: httpx.AsyncClient, bucket: Bucket) -> tuple[str, bytes]:
    """Put a file and read it, so that its place is remembered; return its address and bytes."""
    address, body = f"/api/v1/buckets/{bucket.name}/files/a", os.urandom(LARGE)
    assert (await http.put(address, content=body)).status_code == 201
    assert (await http.get(address)).content == body
    return address, body


async def test_what_moved_is_read_where_it_was_for_as_long_as_that_is_remembered(
    http: httpx.AsyncClient,
    bucket: Bucket,
    db: Database,
    backends: Backends,
    platform: Platform,
    storage_environment: dict[str, str],
) -> None:
    patient = settings(platform, storage_environment)
    address, body = await put(http, bucket)
    before = (await bucket.get("a")).blob

    await move(db, backends, patient, before.key)

    assert (await bucket.get("a")).blob.key != before.key
    assert (await http.get(address)).content == body
    assert patient.object_grace_s > 10 * (BELIEVE_S + LASTS_S)


async def test_a_place_that_is_remembered_for_too_long_harms_no_blob(
    http: httpx.AsyncClient,
    bucket: Bucket,
    db: Database,
    backends: Backends,
    platform: Platform,
    storage_environment: dict[str, str],
) -> None:
    """Without any grace the old object is gone: one reader is refused, the next one is not."""
    impatient = settings(platform, storage_environment, object_grace_s=0.001)
    address, body = await put(http, bucket)
    before = (await bucket.get("a")).blob

    await move(db, backends, impatient, before.key)
    first, second = [await http.get(address) for _ in range(2)]

    assert first.status_code in (200, 502)
    assert (second.status_code, second.content) == (200, body)
    assert not (await bucket.get("a")).blob.quarantined


async def test_damage_at_a_place_that_a_blob_has_left_is_not_its_own(
    bucket: Bucket,
    http: httpx.AsyncClient,
    db: Database,
    backends: Backends,
    platform: Platform,
    storage_environment: dict[str, str],
) -> None:
    await put(http, bucket)
    before = (await bucket.get("a")).blob
    await move(db, backends, settings(platform, storage_environment), before.key)

    await bucket.ask(ReportDamage(blob=before, reason="it is not there"))

    assert not (await bucket.get("a")).blob.quarantined
