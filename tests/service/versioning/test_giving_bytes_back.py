"""What history gives up really leaves the store; what a tag, a branch or a lock has does not."""

import os
from typing import Any

import httpx
import pytest

from libs.blobs import Backends, BlobNotFound, BlobStore, open_store
from libs.chassis.bus import Bus
from libs.chassis.database import Database
from libs.contracts.storage import GetFile
from services.storage.collecting import collect_condemned_blobs, condemn_unnamed_blobs
from services.storage.loops import sweep_doomed_objects
from services.storage.settings import Settings
from tests.builders import a_bucket_name
from tests.platform import Platform
from tests.service.versioning.keeping import Kept
from tests.service.versioning.steps import Ask, DbOf
from tests.waiting import eventually

SIZE = 300 * 1024
"""Large enough to have an object of its own."""


@pytest.fixture
async def kept(http: httpx.AsyncClient, db_of: DbOf, admin_bus: Bus) -> Kept:
    """A bucket that is to forget."""
    name = a_bucket_name("bytes")
    (await http.post("/api/v1/buckets", json={"name": name})).raise_for_status()
    return Kept(http, name, await db_of("versioning"), admin_bus)


async def test_bytes_leave_the_store_and_the_usage_with_what_expired(
    kept: Kept, ask: Ask, db_of: DbOf, admin_bus: Bus, platform: Platform
) -> None:
    # State 1 is tagged, 2 is what a branch shows, 3 is locked, 4 and 5 are nobody's, 6 is present.
    keys = [await put(kept, ask, "a", os.urandom(SIZE), n) for n in range(1, 4)]
    commits = await _commits(kept)
    await kept.post("tags", {"name": "v1", "source": commits[-1]})
    await kept.post("branches", {"name": "dev", "source": commits[-2]})
    keys += [await put(kept, ask, "a", os.urandom(SIZE), n) for n in range(4, 7)]
    await kept.http.put(
        f"{kept.url}/lock", params={"path": "a", "version": 3}, json={"legal_hold": True}
    )
    assert (await _usage(kept))["versions"] == {"number": 5, "bytes": 5 * SIZE}

    await kept.retain(keep_last=1)

    storage = await db_of("storage")
    async with open_store(platform.store_url) as store:

        async def gone() -> bool:
            await _collect(storage, admin_bus, platform, store)
            return [await _is_there(store, key) for key in keys] == [True] * 3 + [False] * 2 + [
                True
            ]

        await eventually(gone, timeout_s=30)
    assert (await _usage(kept))["versions"] == {"number": 3, "bytes": 3 * SIZE}
    assert (await _usage(kept))["stored_bytes"] == 4 * SIZE
    read = [await kept.read("a", version=n) for n in range(1, 7)]
    assert [isinstance(content, bytes) for content in read] == [True] * 3 + [False] * 2 + [True]


async def test_purged_bytes_are_gone_from_the_store(
    kept: Kept, ask: Ask, db_of: DbOf, admin_bus: Bus, platform: Platform
) -> None:
    key = await put(kept, ask, "secret", os.urandom(SIZE), 1)
    await kept.post("tags", {"name": "v1"})
    await kept.remove("secret")

    await kept.post("purges", {"path": "secret"})

    storage = await db_of("storage")
    async with open_store(platform.store_url) as store:

        async def gone() -> bool:
            await _collect(storage, admin_bus, platform, store)
            return not await _is_there(store, key)

        await eventually(gone, timeout_s=30)
    used = await _usage(kept)
    assert (used["used_bytes"], used["stored_bytes"]) == (0, 0)
    proved = (await kept.http.get(f"{kept.url}/verification")).json()
    assert (proved["commits"], proved["faults"]) == (2, [])


async def put(kept: Kept, ask: Ask, path: str, content: bytes, version: int) -> str:
    """Put content, and return the key of its object."""
    answer = await kept.http.put(
        f"{kept.url}/files/{path}",
        content=content,
        headers={"Content-Type": "application/octet-stream"},
    )
    answer.raise_for_status()
    await kept.recorded(path, version)
    key: str = (await ask(GetFile(bucket=kept.name, path=path))).blob.key
    return key


async def _collect(db: Database, bus: Bus, platform: Platform, store: BlobStore) -> None:
    """Let a collector without patience do its round."""
    settings = Settings(
        database_url=platform.database_urls["storage"],
        nats_url=platform.nats_url,
        store_url=platform.store_url,
        blob_grace_s=0.001,
        object_grace_s=0.001,
    )
    await condemn_unnamed_blobs(db)
    await collect_condemned_blobs(db, bus, settings)
    await sweep_doomed_objects(db, Backends(store))


async def _is_there(store: BlobStore, key: str) -> bool:
    try:
        await store.head(key)
    except BlobNotFound:
        return False
    return True


async def _commits(kept: Kept) -> list[str]:
    items = (await kept.http.get(f"{kept.url}/commits")).json()["items"]
    return [item["commit_id"] for item in items]


async def _usage(kept: Kept) -> dict[str, Any]:
    answer: dict[str, Any] = (await kept.http.get(f"{kept.url}/usage")).json()
    return answer
