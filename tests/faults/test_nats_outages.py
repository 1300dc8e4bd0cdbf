"""F3, F4 and F5: NATS dies, loses everything, or takes no more events."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from random import Random
from typing import Any

import httpx
from nats.js.api import DiscardPolicy

from libs.chassis.bus import Bus
from tests.faults.load import API, assert_kept, make_bucket, uploading
from tests.faults.looking import assert_stream_complete, metric
from tests.platform import Platform
from tests.waiting import eventually


async def test_nothing_is_lost_when_nats_is_killed_while_events_are_published(
    platform: Platform, http: httpx.AsyncClient, admin_bus: Bus, rng: Random
) -> None:
    """F3."""
    async with uploading(http, rng) as ledger:
        for _ in range(3):
            await ledger.until(uploads=rng.randint(5, 25))
            platform.stack.kill("nats")
            await asyncio.to_thread(platform.stack.wait_ready, "nats")
        await ledger.until(uploads=10)

    await assert_kept(http, ledger)
    await assert_stream_complete(admin_bus, http, ledger)


async def test_a_wiped_nats_is_filled_again_and_nothing_happens_twice(
    platform: Platform, http: httpx.AsyncClient, admin_bus: Bus, rng: Random
) -> None:
    """F4: streams and consumers are made again, the outbox is replayed, effects stay."""
    emptied = await empty_a_bucket(http)
    async with uploading(http, rng) as ledger:
        await ledger.until(uploads=20)

        await asyncio.to_thread(platform.stack.halt, "nats")
        shutil.rmtree(platform.stack.home.nats / "jetstream")
        await asyncio.to_thread(platform.stack.resume, "nats")

        await ledger.until(uploads=20)

    await assert_kept(http, ledger)
    await assert_stream_complete(admin_bus, http, ledger)
    task = await task_info(http, emptied)
    assert (task["state"], task["attempt"]) == ("succeeded", 1)


async def test_uploads_go_on_while_jetstream_takes_no_events(
    platform: Platform, http: httpx.AsyncClient, admin_bus: Bus, rng: Random
) -> None:
    """F5: what is committed waits in the outbox, is counted, and is published afterwards."""
    async with uploading(http, rng) as ledger:
        await ledger.until(uploads=5)

        async with refusing(admin_bus, "STORAGE"):
            await ledger.until(uploads=40)
            await eventually(lambda: many_wait(platform))

    assert ledger.refusals.total() == 0
    await eventually(lambda: none_waits(platform))
    await assert_kept(http, ledger)
    await assert_stream_complete(admin_bus, http, ledger)


@asynccontextmanager
async def refusing(bus: Bus, stream: str) -> AsyncIterator[None]:
    """Let a stream refuse what is published inside the block, as one does that is full."""
    info = await bus.jetstream.stream_info(stream)
    full = info.config.evolve(max_msgs=info.state.messages + 5, discard=DiscardPolicy.NEW)
    await bus.jetstream.update_stream(full)
    try:
        yield
    finally:
        await bus.jetstream.update_stream(info.config)


async def many_wait(platform: Platform) -> bool:
    return await metric(platform, "storage", "strongroom_relay_waiting") > 30


async def none_waits(platform: Platform) -> bool:
    return await metric(platform, "storage", "strongroom_relay_waiting") == 0


async def empty_a_bucket(http: httpx.AsyncClient) -> str:
    """Have a bucket emptied and deleted by a task that succeeds; return where the task is told."""
    bucket = await make_bucket(http)
    await http.put(f"{API}/{bucket}/files/doomed", content=b"doomed")
    accepted = await http.delete(f"{API}/{bucket}", params={"force": True})
    assert accepted.status_code == 202
    address = accepted.headers["location"]

    async def done() -> bool:
        return bool((await task_info(http, address))["state"] == "succeeded")

    await eventually(done)
    return address


async def task_info(http: httpx.AsyncClient, address: str) -> Any:
    return (await http.get(address)).raise_for_status().json()
