"""F1, F14: who takes in, checks and decides may die between any two steps; nothing is stuck."""

import hashlib
import os
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import httpx
import pytest

from tests.builders import a_bucket_name
from tests.faults.load import API
from tests.faults.processes import dying, started
from tests.platform import Platform
from tests.waiting import eventually

Json = dict[str, Any]
# Another process takes over what a dead one was at.
SOON = {"STRONGROOM_STORAGE_CHECK_LEASE_S": "1"}
CHECKING = ["before_commit", "after_commit", "after_check", "before_verdict", "after_verdict"]


@pytest.fixture
async def storage(platform: Platform) -> AsyncIterator[asyncpg.Connection]:
    conn = await asyncpg.connect(platform.database_urls["storage"])
    yield conn
    await conn.close()


async def a_bucket_with(http: httpx.AsyncClient, **settings: object) -> str:
    name = a_bucket_name("checks")
    made = await http.post(API, json={"name": name, "versioning": "off", **settings})
    assert made.status_code == 201, made.text
    return name


async def put(http: httpx.AsyncClient, bucket: str, path: str, body: bytes) -> str:
    """Put until it is answered; a body without an answer may wait already."""

    async def answered() -> str | None:
        try:
            answer = await http.put(f"{API}/{bucket}/files/{path}", content=body)
        except httpx.TransportError:
            return None
        assert answer.status_code in {202, 503}, answer.text
        return answer.headers["location"] if answer.status_code == 202 else None

    return await eventually(answered, timeout_s=30, pause_s=0.2)


async def decided(http: httpx.AsyncClient, location: str) -> Json:
    async def look() -> Json | None:
        answer = await http.get(location)
        state: Json = answer.json()
        return state if answer.is_success and state["state"] != "waiting" else None

    return await eventually(look, timeout_s=30, pause_s=0.1)


async def pass_(http: httpx.AsyncClient, location: str, verdict: str = "passed") -> Json:
    said = {"check": "review", "verdict": verdict}
    answer = await http.post(f"{location}/verdicts", json=said)
    assert answer.status_code == 200, answer.text
    state: Json = answer.json()
    return state


@pytest.mark.parametrize("point", CHECKING)
async def test_storage_may_die_anywhere_between_an_upload_and_its_verdict(
    platform: Platform, http: httpx.AsyncClient, point: str
) -> None:
    bucket = await a_bucket_with(http, checks=["content"])
    body = os.urandom(500)

    async with dying(platform, "storage", point, SOON):
        location = None if point.endswith("commit") else await put(http, bucket, "a", body)
        if location is None:
            with pytest.raises(AssertionError):
                await _put_once(http, bucket, body)
    location = location or await put(http, bucket, "a", body)
    state = await decided(http, location)

    assert state["state"] == "visible"
    got = await http.get(f"{API}/{bucket}/files/a")
    assert (got.status_code, got.content) == (200, body)


async def _put_once(http: httpx.AsyncClient, bucket: str, body: bytes) -> None:
    answer = await http.put(f"{API}/{bucket}/files/a", content=body)
    assert answer.status_code == 202, answer.text


@pytest.mark.parametrize(
    ("point", "overdue"), [("before_ask_again", "ask_again_at"), ("before_overdue", "deadline_at")]
)
async def test_the_sweeper_may_die_and_nothing_is_stuck(
    platform: Platform,
    http: httpx.AsyncClient,
    storage: asyncpg.Connection,
    point: str,
    overdue: str,
) -> None:
    bucket = await a_bucket_with(http, checks=["nobody"])
    location = await put(http, bucket, "a", os.urandom(500))
    check_id = location.rpartition("/")[2]

    async with dying(platform, "storage", point):
        await storage.execute(
            f"UPDATE pending_file SET {overdue} = now() WHERE check_id = $1",  # noqa: S608
            check_id,
        )
    await storage.execute(
        "UPDATE pending_file SET deadline_at = now() WHERE state = 'waiting' AND check_id = $1",
        check_id,
    )
    state = await decided(http, location)

    assert (state["state"], state["reason"]) == ("refused", "not checked in time")
    told = await storage.fetchval(
        "SELECT count(*) FROM outbox WHERE subject = $1", f"file.checked.{bucket}"
    )
    assert told == 1


async def test_two_storages_decide_once(platform: Platform, http: httpx.AsyncClient) -> None:
    """F14."""
    bucket = await a_bucket_with(http, checks=["content"])

    async with started(platform, "storage", SOON):
        locations = [await put(http, bucket, f"{n}", os.urandom(300)) for n in range(20)]
        states = [await decided(http, location) for location in locations]

    assert {(one["state"], one["revision"]) for one in states} == {("visible", 1)}


async def test_what_waits_keeps_its_bytes_and_what_is_refused_does_not(
    platform: Platform, http: httpx.AsyncClient, storage: asyncpg.Connection
) -> None:
    """Collectors run all the time here, with a grace of a second."""
    bucket = await a_bucket_with(http, checks=["review"])
    kept, refused = os.urandom(700), os.urandom(700)
    waits = await put(http, bucket, "kept", kept)

    await pass_(http, await put(http, bucket, "refused", refused), "refused")

    async def collected() -> bool:
        digest = hashlib.sha256(refused).digest()
        return not await storage.fetchval("SELECT count(*) FROM blob WHERE sha256 = $1", digest)

    await eventually(collected, timeout_s=40, pause_s=0.5)
    assert (await pass_(http, waits))["state"] == "visible"
    assert (await http.get(f"{API}/{bucket}/files/kept")).content == kept
