"""Probes: a process tells how it is, and nobody who asks can hold it up."""

import asyncio

import httpx
import pytest

from libs.chassis import health
from libs.chassis.health import Health
from libs.contracts.problems import ServiceUnavailable


async def fine() -> None:
    """Be there."""


async def gone() -> None:
    raise ServiceUnavailable("the database does not answer")


async def probe(health: Health, path: str) -> httpx.Response:
    async with httpx.AsyncClient() as client:
        return await client.get(f"http://127.0.0.1:{health.port}{path}")


async def test_ready_is_who_accepts_and_reaches_all_it_needs() -> None:
    async with Health("127.0.0.1", 0, {"bus": fine}) as probed:
        before = await probe(probed, "/readyz")
        probed.accepting = True
        after = await probe(probed, "/readyz")

    assert (before.status_code, after.status_code) == (503, 200)
    assert after.json() == {"ready": True, "parts": {"bus": "ok"}}


async def test_what_is_missing_is_named() -> None:
    async with Health("127.0.0.1", 0, {"bus": fine, "database": gone}) as probed:
        probed.accepting = True
        answer = await probe(probed, "/readyz")

    assert answer.status_code == 503
    assert answer.json()["parts"] == {"bus": "ok", "database": "the database does not answer"}


async def test_a_silent_caller_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "CALLER_TIMEOUT_S", 0.2)
    async with Health("127.0.0.1", 0, {}) as probed:
        reader, writer = await asyncio.open_connection("127.0.0.1", probed.port)
        writer.write(b"GET /livez")

        assert await asyncio.wait_for(reader.read(), 3) == b""

        writer.close()
