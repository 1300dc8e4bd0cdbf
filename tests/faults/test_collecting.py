"""F1, F14: who deletes and moves bytes may die between any two steps, and never alone decides."""

import asyncio
import hashlib
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from random import Random
from uuid import UUID

import asyncpg
import httpx
import pytest

from libs.blobs import open_store
from libs.chassis.bus import Bus
from libs.contracts.storage import BeginUpload, CommitUpload, FindBlobs, GetFile
from tests.builders import a_bucket_name
from tests.faults.load import API, assert_kept, make_bucket, uploading
from tests.faults.looking import metric
from tests.faults.processes import dying, operate, started
from tests.faults.test_odd_events import parked, unrecordable
from tests.platform import Platform
from tests.waiting import eventually

COLLECTING = [
    "before_condemn",
    "after_condemn",
    "before_collect",
    "after_collect",
    "after_object_delete",
]
MOVING = ["after_copy", "before_relocation", "after_relocation"]
PATHS = 4
SPARED = "strongroom_storage_blobs_spared_total"


class Churn:
    """A bucket that keeps no versions, and a client that overwrites its few files all the time."""

    def __init__(self, http: httpx.AsyncClient, rng: Random, bucket: str) -> None:
        self._http = http
        self._rng = rng
        self.bucket = bucket
        self.sent: set[str] = set()
        self._possible: dict[str, set[str | None]] = {}

    async def put(self) -> None:
        """Overwrite a file; an upload without an answer happened, or did not."""
        path, body = f"churn/{self._rng.randrange(PATHS)}", self._rng.randbytes(2_000)
        sha256 = hashlib.sha256(body).hexdigest()
        self.sent.add(sha256)
        self._possible.setdefault(path, {None}).add(sha256)
        try:
            answer = await self._http.put(f"{API}/{self.bucket}/files/{path}", content=body)
        except httpx.TransportError:
            return
        if answer.is_success:
            self._possible[path] = {sha256}
        else:
            assert answer.status_code == 503, answer.text
            await asyncio.sleep(0.05)

    async def assert_kept(self) -> set[str]:
        """Read every file and return the digests of what they hold."""
        present = set()
        for path, possible in self._possible.items():
            answer = await self._http.get(f"{API}/{self.bucket}/files/{path}")
            if answer.status_code == 404:
                assert None in possible, f"{path} is gone"
                continue
            assert answer.status_code == 200, f"{path}: {answer.text}"
            sha256 = hashlib.sha256(answer.content).hexdigest()
            assert sha256 in possible
            present.add(sha256)
        return present


@asynccontextmanager
async def churning(http: httpx.AsyncClient, rng: Random) -> AsyncIterator[Churn]:
    """Overwrite files as long as the block runs, whatever happens to the platform."""
    bucket = a_bucket_name("churn")
    (await http.post(API, json={"name": bucket, "versioning": "off"})).raise_for_status()
    churn, stopping = Churn(http, rng, bucket), asyncio.Event()

    async def run() -> None:
        while not stopping.is_set():
            await churn.put()

    running = asyncio.create_task(run())
    try:
        yield churn
    finally:
        stopping.set()
        await running


@pytest.mark.parametrize("point", COLLECTING)
async def test_a_collector_may_die_between_any_two_steps(
    platform: Platform, http: httpx.AsyncClient, admin_bus: Bus, rng: Random, point: str
) -> None:
    """F1."""
    async with uploading(http, rng) as ledger, churning(http, rng) as churn:
        await ledger.until(uploads=5)

        async with dying(platform, "storage", f"{point}:{rng.randint(1, 2)}"):
            pass

        await ledger.until(uploads=5)
    await assert_kept(http, ledger)
    await _only_the_present_is_left(admin_bus, churn)


async def test_two_collectors_delete_nothing_that_is_needed(
    platform: Platform, http: httpx.AsyncClient, admin_bus: Bus, rng: Random
) -> None:
    """F14."""
    async with (
        started(platform, "storage", {}),
        uploading(http, rng) as ledger,
        churning(http, rng) as churn,
    ):
        await ledger.until(uploads=60)
    await assert_kept(http, ledger)
    await _only_the_present_is_left(admin_bus, churn)


async def test_bytes_stay_of_which_history_could_not_be_told_yet(
    platform: Platform, http: httpx.AsyncClient, admin_bus: Bus, rng: Random
) -> None:
    """F9: the collector's mark overtakes an event that fails, and the bytes stay all the same."""
    bucket, body = await make_bucket(http), rng.randbytes(2_000)
    url = f"{API}/{bucket}/files/poison"
    async with unrecordable(platform, "poison"):
        assert (await http.put(url, content=body)).status_code == 201
        blob_id = (await admin_bus.ask(GetFile(bucket=bucket, path="poison"))).blob.blob_id
        assert (await http.delete(url)).status_code == 204
        spared = await metric(platform, "storage", SPARED)
        await eventually(lambda: _is_condemned(platform, blob_id))
        await parked(platform, "CheckViolationError")

        async def looked_at() -> bool:
            return await metric(platform, "storage", SPARED) > spared

        await eventually(looked_at, timeout_s=30)

    done, _ = await operate(platform, "versioning", "dead-letters", "redrive", "all")
    assert done == 0
    assert (await http.get(url, params={"version": 1})).content == body


@pytest.mark.parametrize("point", MOVING)
async def test_who_brings_blobs_home_may_die_between_any_two_steps(
    platform: Platform, http: httpx.AsyncClient, admin_bus: Bus, rng: Random, point: str
) -> None:
    """F1; readers get the bytes all the while."""
    bucket = a_bucket_name("home")
    (await http.post(API, json={"name": bucket})).raise_for_status()
    bodies = {f"file-{number}": rng.randbytes(5_000) for number in range(3)}
    async with open_store(os.environ["STRONGROOM_STORAGE_FALLBACK_STORE_URL"]) as fallback:
        tickets = {}
        for path, body in bodies.items():
            ticket = await admin_bus.ask(BeginUpload(bucket=bucket, path=path, actor="key:test"))
            await fallback.put(ticket.key, body)
            tickets[path] = ticket

    async with dying(platform, "storage", point):
        for path, body in bodies.items():
            await _commit_in_fallback(admin_bus, tickets[path].upload_id, body)

    async def home() -> bool:
        for path, body in bodies.items():
            answer = await http.get(f"{API}/{bucket}/files/{path}")
            assert answer.status_code in (200, 503), answer.text
            assert answer.status_code == 503 or answer.content == body
            place = (await admin_bus.ask(GetFile(bucket=bucket, path=path))).blob
            assert place.backend == "primary"
        return True

    await eventually(home, timeout_s=40, pause_s=0.2)
    for path, body in bodies.items():
        assert (await http.get(f"{API}/{bucket}/files/{path}")).content == body


async def _is_condemned(platform: Platform, blob_id: UUID) -> bool:
    conn = await asyncpg.connect(platform.database_urls["storage"])
    try:
        found: bool = await conn.fetchval(
            "SELECT EXISTS (SELECT FROM condemned_blob WHERE blob_id = $1)", blob_id
        )
        return found
    finally:
        await conn.close()


async def _commit_in_fallback(bus: Bus, upload_id: UUID, body: bytes) -> None:
    """Commit as a gateway does whose primary refused."""
    commit = CommitUpload(
        upload_id=upload_id,
        sha256=hashlib.sha256(body).hexdigest(),
        size=len(body),
        backend="fallback",
    )
    await bus.ask(commit)


async def _only_the_present_is_left(bus: Bus, churn: Churn) -> None:
    """Wait until the bucket holds what its files have, and nothing that they had before."""
    present = await churn.assert_kept()

    async def collected() -> bool:
        held = set()
        sent = sorted(churn.sent)
        for first in range(0, len(sent), 1000):
            digests = sent[first : first + 1000]
            found = await bus.ask(FindBlobs(bucket=churn.bucket, digests=digests))
            held |= {place.sha256 for place in found.items}
        assert held == present, f"{len(held)} are held, {len(present)} present"
        return True

    await eventually(collected, timeout_s=40, pause_s=0.3)
    assert await churn.assert_kept() == present
