"""Large files through the gateway, beside the same bytes straight in and out of its store."""

import http.client
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

from bench.apart import apart, apart_async
from bench.bodies import MIB, pieces
from bench.figures import Figure, limit, ratio
from bench.processes import Watch
from bench.scene import Scene
from bench.store import Straight
from deploy.local.run_file import S3Address

AT_ONCE = 8
MOST_RSS_MB = 220.0
READ_BYTES = MIB


def run(scene: Scene) -> list[Figure]:
    """Measure rates in turns, and what the gateway holds meanwhile."""
    large = scene.sized(1024, 128) * MIB
    rounds = scene.sized(3, 1)
    targets = _Targets(scene)
    ups, straight_ups, downs, straight_downs = [], [], [], []
    with Watch(scene.pid("gateway")) as rss:
        for number in range(rounds):
            target, key = targets.next(), f"bench/large-{number}"
            ups.append(large / MIB / apart(upload, *targets.to, [target], large))
            scene.rest()
            straight_ups.append(large / MIB / apart_async(put_straight, scene.s3, key, large))
            downs.append(large / MIB / apart(download, *targets.to, [target], large))
            straight_downs.append(large / MIB / apart_async(get_straight, scene.s3, key, large))
    size = f"{large // MIB:,} MiB"
    return [
        ratio(f"{size} upload", ups, straight_ups, "MiB/s", at_least=0.8),
        ratio(f"{size} download", downs, straight_downs, "MiB/s", at_least=0.7),
        *_memory(scene, targets, size, rss.most_mb),
    ]


class _Targets:
    """Where files go; none is used twice."""

    def __init__(self, scene: Scene) -> None:
        self.to = scene.url, scene.admin_key
        self._bucket = scene.make_bucket("large-files")
        self._count = 0

    def next(self) -> str:
        self._count += 1
        return f"/api/v1/buckets/{self._bucket}/files/large/{self._count}.bin"


def _memory(
    scene: Scene, targets: _Targets, largest: str, most_during_largest: float
) -> list[Figure]:
    """Hold the gateway's RSS against its limit, by size and by number of transfers."""
    pid = scene.pid("gateway")
    seen = {}
    for mib in scene.sized((64, 256), (16, 64)):
        with Watch(pid) as rss:
            apart(upload, *targets.to, [targets.next()], mib * MIB)
        seen[f"{mib} MiB"] = rss.most_mb
    seen[largest] = most_during_largest
    several = [targets.next() for _ in range(AT_ONCE)]
    each = scene.sized(256, 32) * MIB
    for verb, transfer in (("up", upload), ("down", download)):
        with Watch(pid) as rss:
            apart(transfer, *targets.to, several, each)
        seen[f"{AT_ONCE} × {each // MIB} MiB {verb}"] = rss.most_mb
    detail = " · ".join(f"{what}: {mb:.0f}" for what, mb in seen.items())
    return [
        limit(
            "gateway RSS meanwhile, largest",
            list(seen.values()),
            "MB",
            at_most=MOST_RSS_MB,
            detail=detail,
        )
    ]


def upload(url: str, key: str, targets: Sequence[str], size: int) -> float:
    """Put a file at each of ``targets`` at once; return the seconds until all are answered."""
    return _at_once(lambda target: _put(url, key, target, size), targets)


def download(url: str, key: str, targets: Sequence[str], size: int) -> float:
    """Get all of ``targets`` at once; return the seconds until all have come."""
    return _at_once(lambda target: _get(url, key, target, size), targets)


async def put_straight(address: S3Address, key: str, size: int) -> float:
    """Put the same amount of other bytes past the platform; return the seconds."""
    store = Straight(address)
    began = time.perf_counter()
    await store.put_large(key, size)
    return time.perf_counter() - began


async def get_straight(address: S3Address, key: str, size: int) -> float:
    """Read an object past the platform; return the seconds."""
    store = Straight(address)
    began = time.perf_counter()
    got = await store.get_large(key)
    took = time.perf_counter() - began
    if got != size:
        raise RuntimeError(f"{got} of {size} bytes came")
    await store.delete(key)
    return took


def _at_once(transfer: Callable[[str], None], targets: Sequence[str]) -> float:
    began = time.perf_counter()
    with ThreadPoolExecutor(len(targets)) as threads:
        list(threads.map(transfer, targets))
    return time.perf_counter() - began


def _connect(url: str) -> http.client.HTTPConnection:
    place = urlsplit(url)
    return http.client.HTTPConnection(place.hostname or "", place.port, timeout=300)


def _put(url: str, key: str, target: str, size: int) -> None:
    connection = _connect(url)
    headers = {"Authorization": f"Bearer {key}", "Content-Length": str(size)}
    connection.request("PUT", target, pieces(size), headers)
    answered = connection.getresponse()
    said = answered.read()
    connection.close()
    if answered.status != http.HTTPStatus.CREATED:
        raise RuntimeError(f"PUT {target}: {answered.status} {said[:300]!r}")


def _get(url: str, key: str, target: str, size: int) -> None:
    connection = _connect(url)
    connection.request("GET", target, headers={"Authorization": f"Bearer {key}"})
    answered = connection.getresponse()
    room, got = bytearray(READ_BYTES), 0
    while read := answered.readinto(room):
        got += read
    connection.close()
    if answered.status != http.HTTPStatus.OK or got != size:
        raise RuntimeError(f"GET {target}: {answered.status}, {got} of {size} bytes")
