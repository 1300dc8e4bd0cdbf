"""F5, F6 and F11: servers go away, PostgreSQL dies, and services are ended while they work."""

import asyncio
import hashlib
import signal
import time
from collections.abc import AsyncIterator
from random import Random

import httpx
import pytest

from tests.faults.load import API, assert_kept, make_bucket, uploading
from tests.platform import Platform

REFUSED_WITHIN_S = 2.0


@pytest.mark.parametrize(
    ("server", "third"), [("nats", "files/client-0/0"), ("postgres", "versions?path=x")]
)
async def test_calls_are_refused_at_once_while_a_server_is_away_and_none_is_half_done(
    platform: Platform, http: httpx.AsyncClient, rng: Random, server: str, third: str
) -> None:
    """F5 and F6; services ask each other over NATS, so without it nothing can be accepted."""
    async with uploading(http, rng) as ledger:
        await ledger.until(uploads=5)

        await asyncio.to_thread(platform.stack.halt, server)
        for method, path in (("GET", "files"), ("PUT", "files/x"), ("GET", third)):
            began = time.monotonic()
            answer = await http.request(method, f"{API}/{ledger.bucket}/{path}")
            assert answer.status_code == 503
            assert answer.headers["retry-after"]
            assert time.monotonic() - began < REFUSED_WITHIN_S
        await asyncio.to_thread(platform.stack.resume, server)

        await ledger.until(uploads=5)
    assert ledger.slowest_refusal_s < REFUSED_WITHIN_S
    await assert_kept(http, ledger)


async def test_nothing_acknowledged_is_lost_when_postgres_is_killed(
    platform: Platform, http: httpx.AsyncClient, rng: Random
) -> None:
    """F6."""
    async with uploading(http, rng) as ledger:
        for _ in range(2):
            await ledger.until(uploads=rng.randint(5, 25))
            platform.stack.kill("postgres")
            await asyncio.to_thread(platform.stack.wait_ready, "postgres")
        await ledger.until(uploads=5)

    await assert_kept(http, ledger)


async def test_an_upload_that_was_begun_ends_well_although_the_gateway_is_asked_to_end(
    platform: Platform, http: httpx.AsyncClient, rng: Random
) -> None:
    """F11."""
    bucket = await make_bucket(http)
    body = rng.randbytes(2_000_000)

    async def slowly() -> AsyncIterator[bytes]:
        for start in range(0, len(body), 200_000):
            if start == 600_000:
                platform.stack.kill("gateway", signal.SIGTERM)
            yield body[start : start + 200_000]
            await asyncio.sleep(0.05)

    answer = await http.put(f"{API}/{bucket}/files/slow", content=slowly())

    assert answer.status_code == 201
    assert answer.json()["sha256"] == hashlib.sha256(body).hexdigest()


@pytest.mark.parametrize("service", ["storage", "versioning", "gateway"])
async def test_a_restart_under_load_loses_nothing(
    platform: Platform, http: httpx.AsyncClient, rng: Random, service: str
) -> None:
    """F11."""
    async with uploading(http, rng) as ledger:
        await ledger.until(uploads=rng.randint(5, 25))
        platform.stack.kill(service, signal.SIGTERM)
        await ledger.until(uploads=20)

    await assert_kept(http, ledger)
