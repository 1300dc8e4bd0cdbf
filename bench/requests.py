"""A question to a service and its answer, 64 at once, beside NATS' own ping of that service."""

import asyncio
import time
from collections.abc import Awaitable, Callable

from bench.apart import apart_async
from bench.figures import Figure, ratio
from bench.scene import Scene
from libs.chassis.bus import Bus
from libs.contracts.storage import GetBucket

IN_FLIGHT = 64
PING = "$SRV.PING.strongroom-storage"
"""Answered by nats-py within the same process, before any code of ours."""


def run(scene: Scene) -> list[Figure]:
    """Take turns. The question costs the service one transaction of one SELECT."""
    rounds, count = scene.sized((5, 4000), (2, 800))
    bucket = scene.make_bucket("requests")
    asked, pinged = [], []
    for _ in range(rounds):
        asked.append(apart_async(ask, scene.nats.urls["admin"], bucket, count))
        pinged.append(apart_async(ping, scene.nats.urls["admin"], count))
    return [
        ratio(f"GetBucket over rpc, {IN_FLIGHT} in flight (beside NATS ping)", asked, pinged, "/s")
    ]


async def ask(nats_url: str, bucket: str, count: int) -> float:
    """Ask storage for a bucket; return how often a second."""
    async with Bus("bench", nats_url) as bus:
        return await _per_second(lambda: bus.ask(GetBucket(name=bucket)), count)


async def ping(nats_url: str, count: int) -> float:
    """Ask whether storage is there; return how often a second."""
    async with Bus("bench", nats_url) as bus:
        return await _per_second(lambda: bus.client.request(PING, timeout=5), count)


async def _per_second(once: Callable[[], Awaitable[object]], count: int) -> float:
    async def lane(times: int) -> None:
        for _ in range(times):
            await once()

    await lane(IN_FLIGHT)  # so that everything is connected and warm
    began = time.perf_counter()
    await asyncio.gather(*(lane(count // IN_FLIGHT) for _ in range(IN_FLIGHT)))
    return count // IN_FLIGHT * IN_FLIGHT / (time.perf_counter() - began)
