"""GETs of one 16 KiB file and of many: what remembering hot files is worth."""

import asyncio
import time

from bench.apart import apart_async
from bench.bodies import unique
from bench.figures import Figure, ratio
from bench.lean_http import LeanConnection
from bench.scene import Scene

BODY_BYTES = 16 * 1024
IN_FLIGHT = 16
HOT = 32
"""Files that stay in memory together."""


def run(scene: Scene) -> list[Figure]:
    """Read files that are read for the first time, then hot ones, in turns."""
    rounds, count = scene.sized((5, 1600), (2, 320))
    bucket = scene.make_bucket("cached-reads")
    prefix = f"/api/v1/buckets/{bucket}/files"
    apart_async(put_all, scene.url, scene.admin_key, prefix, rounds * count)
    scene.rest()
    cold, hot = [], []
    for number in range(rounds):
        first = number * count
        cold.append(apart_async(get, scene.url, scene.admin_key, prefix, first, count, count))
        hot.append(apart_async(get, scene.url, scene.admin_key, prefix, first, HOT, 4 * count))
    case = f"{BODY_BYTES // 1024} KiB GETs, {IN_FLIGHT} in flight: hot files beside new ones"
    return [ratio(case, hot, cold, "/s", at_least=3.0)]


async def put_all(url: str, key: str, prefix: str, count: int) -> float:
    """Put the files that are read."""
    connections = [await LeanConnection.open(url, key) for _ in range(IN_FLIGHT)]

    async def lane(at: int) -> None:
        for number in range(at, count, IN_FLIGHT):
            await connections[at].put(f"{prefix}/{number}.bin", unique(BODY_BYTES))

    began = time.perf_counter()
    await asyncio.gather(*map(lane, range(IN_FLIGHT)))
    return count / (time.perf_counter() - began)


async def get(url: str, key: str, prefix: str, first: int, different: int, count: int) -> float:
    """Get ``count`` times one of ``different`` files; return how many a second."""
    connections = [await LeanConnection.open(url, key) for _ in range(IN_FLIGHT)]

    async def lane(at: int, count: int) -> None:
        for number in range(at, count, IN_FLIGHT):
            target = f"{prefix}/{first + number % different}.bin"
            answered = await connections[at].request("GET", target)
            if answered.status != 200 or len(answered.body) != BODY_BYTES:
                raise RuntimeError(f"GET {target}: {answered.status}")

    if different < count:
        await asyncio.gather(*(lane(at, different) for at in range(IN_FLIGHT)))
    began = time.perf_counter()
    await asyncio.gather(*(lane(at, count) for at in range(IN_FLIGHT)))
    return count / (time.perf_counter() - began)
