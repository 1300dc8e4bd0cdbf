"""A folder of 100,000 files is moved by one request, and back, and deleted."""

import json
import time
from statistics import median

from bench.apart import apart_async
from bench.figures import Figure, limit
from bench.lean_http import LeanConnection
from bench.planting import plant
from bench.scene import Scene

MOVED_WITHIN_S = 2.0
"""What is asked of 100,000 files."""


def run(scene: Scene) -> list[Figure]:
    """Measure from the request to its answer; what others make of the events comes after it."""
    rounds, files = scene.sized((3, 100_000), (1, 5_000))
    moved: list[float] = []
    back: list[float] = []
    deleted: list[float] = []
    for number in range(rounds):
        bucket = scene.make_bucket(f"moves-{number}")
        paths = [f"old/{at // 100:04}/file-{at:06}.bin" for at in range(files)]
        apart_async(plant, scene.postgres.urls["storage"], bucket, paths)
        for seconds, change in (
            (moved, {"op": "move_prefix", "source_prefix": "old/", "prefix": "new/"}),
            (back, {"op": "move_prefix", "source_prefix": "new/", "prefix": "old/"}),
            (deleted, {"op": "delete_prefix", "prefix": "old/"}),
        ):
            scene.rest()
            seconds.append(apart_async(change_all, scene.url, scene.admin_key, bucket, change))
    detail = f"{files:,} files"
    return [
        limit(
            "moves: a folder to a new place",
            moved,
            "s",
            at_most=MOVED_WITHIN_S,
            statistic=median,
            detail=detail,
        ),
        limit("moves: back to where it was", back, "s", statistic=median, detail=detail),
        limit("moves: deleted", deleted, "s", statistic=median, detail=detail),
    ]


async def change_all(url: str, key: str, bucket: str, change: dict[str, str]) -> float:
    """Ask for one change of a prefix; return how long its answer took."""
    connection = await LeanConnection.open(url, key)
    body = json.dumps({"changes": [change]}).encode()
    began = time.perf_counter()
    answered = await connection.request(
        "POST", f"/api/v1/buckets/{bucket}/changes", body, content_type="application/json"
    )
    took_s = time.perf_counter() - began
    await connection.close()
    if answered.status != 200:
        raise RuntimeError(f"{change}: {answered.status} {answered.body[:300]!r}")
    return took_s
