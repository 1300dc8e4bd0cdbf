"""F1 on branches: whoever takes part in a write dies by kill -9, and it happened or it did not."""

import asyncio
import hashlib
from random import Random

import asyncpg
import httpx
import pytest

from libs.chassis.bus import Bus
from libs.contracts.storage import FindBlobs
from tests.faults.load import API, make_bucket
from tests.faults.processes import dying, started
from tests.platform import Platform
from tests.waiting import eventually

CRASH_POINTS = [
    ("gateway", "after_put", "staged"),
    ("gateway", "after_commit", "staged"),
    ("storage", "after_begin", "staged"),
    ("storage", "before_commit", "staged"),
    ("storage", "after_commit", "staged"),
    ("versioning", "before_stage", "staged"),
    ("versioning", "after_stage", "staged"),
    ("versioning", "before_stage", "committed"),
    ("versioning", "after_stage", "committed"),
]
QUIET = {"storage": {"STRONGROOM_STORAGE_BLOB_GRACE_S": "3600"}}
"""Who collects blobs is not who is to die here."""


@pytest.mark.parametrize(("service", "point", "becomes"), CRASH_POINTS)
async def test_a_write_on_a_branch_is_whole_or_nothing_and_its_bytes_go_with_it(
    platform: Platform,
    http: httpx.AsyncClient,
    admin_bus: Bus,
    rng: Random,
    service: str,
    point: str,
    becomes: str,
) -> None:
    bucket = await make_bucket(http)
    before, body = rng.randbytes(2_000), rng.randbytes(2_000)
    branch = {"name": "draft", "auto_commit": becomes == "committed"}
    (await http.post(f"{API}/{bucket}/branches", json=branch)).raise_for_status()
    url = f"{API}/{bucket}/files/a?ref=draft"
    (await http.put(url, content=before)).raise_for_status()

    async with dying(platform, service, point, QUIET.get(service)):
        answer = await _put(http, url, body)

    assert answer is None or answer.status_code >= 500
    shown = await eventually(lambda: _read(http, url))
    assert shown in (before, body)
    listed = (await http.get(f"{API}/{bucket}/files?ref=draft")).json()["items"]
    assert [item["sha256"] for item in listed] == [hashlib.sha256(shown).hexdigest()]
    staged = (await http.get(f"{API}/{bucket}/staged?branch=draft")).json()["items"]
    assert len(staged) == (1 if becomes == "staged" else 0)
    if shown == before:
        await _end_holds(platform)
        await eventually(lambda: _is_gone(admin_bus, bucket, body), timeout_s=30)
    assert await _read(http, url) == shown
    again = await http.put(url, content=body)
    assert again.status_code == 200
    assert await _read(http, url) == body


async def _put(http: httpx.AsyncClient, url: str, body: bytes) -> httpx.Response | None:
    try:
        return await http.put(url, content=body)
    except httpx.TransportError:
        return None


async def _read(http: httpx.AsyncClient, url: str) -> bytes | None:
    try:
        answer = await http.get(url)
    except httpx.TransportError:
        return None
    if answer.status_code == 503:
        await asyncio.sleep(0.1)
        return None
    answer.raise_for_status()
    return answer.content


async def _end_holds(platform: Platform) -> None:
    """Let all holds be over, as if an hour had passed; each leaves a note, as it would."""
    conn = await asyncpg.connect(platform.database_urls["storage"])
    try:
        await conn.execute("DELETE FROM held_content")
    finally:
        await conn.close()


async def _is_gone(bus: Bus, bucket: str, body: bytes) -> bool:
    digest = hashlib.sha256(body).hexdigest()
    return not (await bus.ask(FindBlobs(bucket=bucket, digests=[digest]))).items


async def test_two_replicas_take_writes_of_one_branch_and_lose_none(
    platform: Platform, http: httpx.AsyncClient, rng: Random
) -> None:
    """F14."""
    bucket = await make_bucket(http)
    branches = f"{API}/{bucket}/branches"
    (await http.post(branches, json={"name": "draft"})).raise_for_status()
    bodies = {f"d/{number:02}": rng.randbytes(2_000) for number in range(32)}

    async def put(path: str) -> int:
        answer = await http.put(f"{API}/{bucket}/files/{path}?ref=draft", content=bodies[path])
        return answer.status_code

    async def switch() -> set[int]:
        """Let writes be staged, and then be commits, in turn."""
        return {
            (await http.patch(f"{branches}/draft", json={"auto_commit": on})).status_code
            for on in (True, False) * 4
        }

    async with started(platform, "versioning", {}):
        answers, switched = await asyncio.gather(asyncio.gather(*map(put, bodies)), switch())

    assert (set(answers), switched) == ({201}, {200})
    listed = (await http.get(f"{API}/{bucket}/files?ref=draft")).json()["items"]
    assert {item["path"]: item["sha256"] for item in listed} == {
        path: hashlib.sha256(body).hexdigest() for path, body in bodies.items()
    }
    waiting = (await http.get(f"{API}/{bucket}/staged?branch=draft")).json()["items"]
    commits = (await http.get(f"{API}/{bucket}/commits?ref=draft")).json().get("items", [])
    assert len(waiting) + len(commits) == len(bodies)
