"""How long after its answer an upload is a version, at a steady rate that waits for nobody."""

import asyncio
import json
import time
from collections import deque
from collections.abc import Sequence
from statistics import median
from urllib.parse import quote

import nats
from msgspec import Struct
from nats.aio.msg import Msg

from bench.apart import apart_async
from bench.bodies import unique
from bench.figures import Figure, limit, percentile
from bench.lean_http import LeanConnection
from bench.scene import Scene
from libs.contracts import envelope
from libs.contracts.versioning import VersionCreated

BODY_BYTES = 4096
PER_SECOND = 50
VISIBLE_WITHIN_S = 30.0
WARM_UP = 50


class Lags(Struct, frozen=True):
    """Milliseconds."""

    visible: list[float]
    """From an upload's answer to the event ``version.created`` that tells of it."""
    answered: list[float]
    """From the moment that an upload was due to its answer."""


def run(scene: Scene) -> list[Figure]:
    """Hold median and tail against their limits."""
    seconds = scene.sized(30, 5)
    bucket = scene.make_bucket("versions-visible")
    lags = apart_async(
        watch, scene.url, scene.admin_key, scene.nats.urls["subscriber"], bucket, seconds
    )
    case = f"upload answered → version visible, {PER_SECOND} uploads/s"
    detail = f"{len(lags.visible):,} uploads"
    return [
        limit(f"{case}, p50", lags.visible, "ms", at_most=60, statistic=median, detail=detail),
        limit(f"{case}, p99", lags.visible, "ms", at_most=500, statistic=_p99, detail=detail),
        limit(f"upload due → answered, {PER_SECOND}/s, p50", lags.answered, "ms", statistic=median),
        limit(f"upload due → answered, {PER_SECOND}/s, p99", lags.answered, "ms", statistic=_p99),
    ]


def _p99(measured: Sequence[float]) -> float:
    return percentile(measured, 0.99)


async def watch(url: str, key: str, nats_url: str, bucket: str, seconds: int) -> Lags:
    """Upload for ``seconds`` and listen, as any subscriber does, until all versions are told."""
    count = seconds * PER_SECOND + WARM_UP
    uploads = _Uploads(url, key, bucket)
    visible: dict[str, float] = {}
    all_told = asyncio.Event()

    async def hear(message: Msg) -> None:
        now = time.perf_counter()
        event = envelope.decode(message.headers, message.data)
        if isinstance(event, VersionCreated):
            for change in event.changes:
                visible.setdefault(change.path, now)
        if len(visible) == count:
            all_told.set()

    client = await nats.connect(nats_url)
    try:
        await client.subscribe(VersionCreated.every(bucket), cb=hear)
        await client.flush()
        await uploads.at_a_steady_rate(count)
        await asyncio.wait_for(all_told.wait(), VISIBLE_WITHIN_S)
        await uploads.check_version(next(reversed(visible)))
    finally:
        await client.close()
    measured = list(uploads.answered)[WARM_UP:]
    return Lags(
        visible=[1000 * max(0.0, visible[path] - uploads.answered[path]) for path in measured],
        answered=[1000 * (uploads.answered[path] - uploads.due[path]) for path in measured],
    )


class _Uploads:
    """Uploads that begin when they are due, whether or not earlier ones are answered."""

    def __init__(self, url: str, key: str, bucket: str) -> None:
        self._url = url
        self._key = key
        self._bucket = f"/api/v1/buckets/{bucket}"
        self._free: deque[LeanConnection] = deque()
        self.due: dict[str, float] = {}
        self.answered: dict[str, float] = {}

    async def at_a_steady_rate(self, count: int) -> None:
        began = time.perf_counter()
        async with asyncio.TaskGroup() as group:
            for number in range(count):
                due = began + number / PER_SECOND
                await asyncio.sleep(max(0.0, due - time.perf_counter()))
                group.create_task(self._upload(f"folder-{number % 20}/{number}.bin", due))

    async def _upload(self, path: str, due: float) -> None:
        connection = await self._connection()
        await connection.put(f"{self._bucket}/files/{path}", unique(BODY_BYTES))
        self.due[path], self.answered[path] = due, time.perf_counter()
        self._free.append(connection)

    async def check_version(self, path: str) -> None:
        """Raise unless HTTP, too, tells of the version that an event told of."""
        connection = await self._connection()
        answered = await connection.request(
            "GET", f"{self._bucket}/versions?path={quote(path, safe='')}"
        )
        versions = json.loads(answered.body).get("items", [])
        if [version["version"] for version in versions] != [1]:
            raise RuntimeError(f"the version of {path} is announced, but HTTP says {answered}")

    async def _connection(self) -> LeanConnection:
        # In turns: the server closes one that is idle for long, as HTTP servers do.
        if self._free:
            return self._free.popleft()
        return await LeanConnection.open(self._url, self._key)
