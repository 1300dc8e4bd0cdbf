"""How fast an outbox becomes a stream: events that nobody reacts to, waiting all at once."""

import asyncio
import time

from bench.apart import apart_async
from bench.figures import Figure, rate
from bench.scene import Scene
from libs.chassis import outbox
from libs.chassis.bus import Bus
from libs.chassis.database import Database
from libs.contracts.ids import new_id
from libs.contracts.storage import BucketUpdated

WITHIN_S = 120.0


def run(scene: Scene) -> list[Figure]:
    """Measure from the first event in the stream to the last one."""
    rounds, count = scene.sized((3, 10_000), (1, 2_000))
    rates = []
    for _ in range(rounds):
        scene.rest()
        rates.append(
            apart_async(relay, scene.postgres.urls["storage"], scene.nats.urls["admin"], count)
        )
    return [rate("outbox relay: rows to JetStream", rates, "events/s", detail=f"{count:,} waiting")]


async def relay(database_url: str, nats_url: str, count: int) -> float:
    """Let ``count`` events wait in storage's outbox, wake its relay; return events a second."""
    events = [
        BucketUpdated(bucket="bench", bucket_id=new_id(), versioning="auto", actor="service:bench")
        for _ in range(count)
    ]
    async with Bus("bench", nats_url) as bus, Database(database_url, pool_size=2) as database:
        before = await _last_sequence(bus)
        async with database.transaction() as tx:
            await outbox.add(tx, *events)
        await bus.client.publish("wake.storage")
        async with asyncio.timeout(WITHIN_S):
            began_at, began = await _until_above(bus, before)
            ended_at, ended = await _until_above(bus, before + count - 1)
    return (ended - began) / (ended_at - began_at)


async def _until_above(bus: Bus, sequence: int) -> tuple[float, int]:
    """Return when the stream was first seen to be longer than ``sequence``, and how long."""
    while (last := await _last_sequence(bus)) <= sequence:  # noqa: ASYNC110 - no one tells
        await asyncio.sleep(0.005)
    return time.perf_counter(), last


async def _last_sequence(bus: Bus) -> int:
    info = await bus.jetstream.stream_info("STORAGE")
    return info.state.last_seq
