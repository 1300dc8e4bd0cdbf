"""4 KiB files, 16 in flight: what a transaction, an event and a version cost beside a bare put."""

import asyncio
import time
from collections.abc import Awaitable, Callable

from bench.apart import apart_async
from bench.bodies import unique
from bench.figures import Figure, ratio
from bench.lean_http import LeanConnection
from bench.scene import Scene
from bench.store import Straight
from deploy.local.run_file import S3Address

BODY_BYTES = 4096
IN_FLIGHT = 16


def run(scene: Scene) -> list[Figure]:
    """Take turns; versions of our turn are recorded before the other one begins."""
    rounds, count = scene.sized((5, 1600), (2, 320))
    bucket = scene.make_bucket("small-files")
    ours, straight = [], []
    for number in range(rounds):
        prefix = f"/api/v1/buckets/{bucket}/files/round-{number}"
        ours.append(apart_async(put_ours, scene.url, scene.admin_key, prefix, count))
        scene.rest()
        straight.append(apart_async(put_straight, scene.s3, f"bench/round-{number}", count))
    case = f"{BODY_BYTES // 1024} KiB uploads, {IN_FLIGHT} in flight"
    return [ratio(case, ours, straight, "/s", at_least=0.5)]


async def put_ours(url: str, key: str, prefix: str, count: int) -> float:
    """Put ``count`` files through the gateway; return how many a second."""
    connections = [await LeanConnection.open(url, key) for _ in range(IN_FLIGHT)]

    def putting(lane: int) -> Callable[[int], Awaitable[None]]:
        return lambda number: connections[lane].put(f"{prefix}/{number}.bin", unique(BODY_BYTES))

    return await _per_second(putting, count)


async def put_straight(address: S3Address, prefix: str, count: int) -> float:
    """Put ``count`` objects past the platform; return how many a second."""
    store = Straight(address)

    def putting(_: int) -> Callable[[int], Awaitable[None]]:
        return lambda number: store.put(f"{prefix}/{number}", unique(BODY_BYTES))

    return await _per_second(putting, count)


async def _per_second(
    putting: Callable[[int], Callable[[int], Awaitable[None]]], count: int
) -> float:
    """Put with ``IN_FLIGHT`` lanes, each once before the clock starts so that all are connected."""

    async def lane(number: int) -> None:
        put = putting(number)
        for file in range(number, count, IN_FLIGHT):
            await put(file)

    await asyncio.gather(*(putting(number)(count + number) for number in range(IN_FLIGHT)))
    began = time.perf_counter()
    await asyncio.gather(*(lane(number) for number in range(IN_FLIGHT)))
    return count / (time.perf_counter() - began)
