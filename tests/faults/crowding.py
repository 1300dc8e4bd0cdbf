"""F13: more clients than there is room for, and clients that do not wait for their answer."""

import asyncio
import os
import time
from random import Random

import asyncpg
import httpx

from tests.faults.load import API, make_bucket
from tests.faults.walking import NOTICED_WITHIN_S
from tests.platform import Platform
from tests.waiting import eventually

CLIENTS = 200
LONGEST_MS = 400
CROWD = 40
"""Four times as many as storage has connections."""
ROLES = ["storage", "gateway", "versioning"]


async def clients_lost(platform: Platform, http: httpx.AsyncClient, rng: Random) -> None:
    """Let 200 clients go away in the middle of their uploads: each is there, or is not."""
    bucket = await make_bucket(http)
    bodies = {f"lost/{n}": rng.randbytes(500 if n % 4 else 80_000) for n in range(CLIENTS)}
    async with _many(http) as many:
        uploads = [
            asyncio.create_task(many.put(f"{API}/{bucket}/files/{path}", content=body))
            for path, body in bodies.items()
        ]
        for upload in uploads:
            asyncio.get_running_loop().call_later(rng.uniform(0, LONGEST_MS) / 1000, upload.cancel)
        await asyncio.gather(*uploads, return_exceptions=True)

    await eventually(lambda: at_baseline(platform), timeout_s=30, pause_s=0.2)
    for path, body in bodies.items():
        answer = await http.get(f"{API}/{bucket}/files/{path}")
        assert answer.status_code == 404 or answer.content == body, f"{path}: {answer.text}"


async def exhausted(platform: Platform, http: httpx.AsyncClient) -> None:
    """Let many wait for one row: they are refused in time, and all goes on when it is free."""
    bucket = await make_bucket(http)
    where = f"{API}/{bucket}/files/crowd"
    storage = await asyncpg.connect(platform.database_urls["storage"])
    try:
        async with storage.transaction(), _many(http) as many:
            await storage.execute("SELECT FROM bucket WHERE name = $1 FOR UPDATE", bucket)
            began = time.monotonic()
            uploads = (many.put(f"{where}/{n}", content=os.urandom(80_000)) for n in range(CROWD))
            answers = await asyncio.gather(*uploads)
            took_s = time.monotonic() - began
    finally:
        await storage.close()

    assert {answer.status_code for answer in answers} == {503}
    assert all("retry-after" in answer.headers for answer in answers)
    assert took_s < NOTICED_WITHIN_S
    await eventually(lambda: at_baseline(platform), timeout_s=30, pause_s=0.2)
    assert (await http.put(where, content=b"room again")).status_code == 201


async def at_baseline(platform: Platform) -> bool:
    """Tell whether nobody waits for a lock, and no transaction has been open for long."""
    return not any([await _waiting(platform.database_urls[role]) for role in ROLES])


async def _waiting(database_url: str) -> int:
    conn = await asyncpg.connect(database_url)
    try:
        found: int = await conn.fetchval(
            """
            SELECT count(*)
            FROM pg_stat_activity
            WHERE usename = current_user
                AND pid <> pg_backend_pid()
                AND (wait_event_type = 'Lock'
                    OR xact_start < clock_timestamp() - interval '1 second')
            """
        )
        return found
    finally:
        await conn.close()


def _many(http: httpx.AsyncClient) -> httpx.AsyncClient:
    """Return a client with a connection for each request."""
    return httpx.AsyncClient(
        base_url=http.base_url,
        headers=http.headers,
        timeout=http.timeout,
        limits=httpx.Limits(max_connections=None),
    )
