"""What compression and encryption cost a large file, up and down, beside the plain way."""

import http.client
import random
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Literal
from urllib.parse import urlsplit

from bench.apart import apart
from bench.bodies import MIB, pieces, stamped
from bench.figures import Figure, limit, ratio
from bench.large_files import MOST_RSS_MB
from bench.processes import Watch
from bench.scene import Scene

Kind = Literal["text", "noise"]

BUCKETS: dict[str, dict[str, str]] = {
    "plain": {},
    "zstd": {"compression": "auto"},
    "sealed": {"encryption": "aes-256-gcm"},
    "zstd, sealed": {"compression": "auto", "encryption": "aes-256-gcm"},
}
COMPARED: dict[Kind, tuple[str, ...]] = {
    "text": ("zstd", "sealed", "zstd, sealed"),
    "noise": ("zstd", "sealed"),
}


def run(scene: Scene) -> list[Figure]:
    """Measure every encoding and the plain way in turns, so that the machine is the same to all."""
    size = scene.sized(256, 32) * MIB
    names = {
        way: scene.make_bucket(f"encodings-{number}", **settings)
        for number, (way, settings) in enumerate(BUCKETS.items())
    }
    # The first transfer of all pays for connections and for the store's first volume.
    warm = f"/api/v1/buckets/{names['plain']}/files/warm"
    apart(there_and_back, scene.url, scene.admin_key, warm, size, "noise")
    with Watch(scene.pid("gateway")) as rss:
        figures = [
            figure
            for kind, ways in COMPARED.items()
            for figure in _in_turns(scene, names, size, kind, ways)
        ]
    return [
        *figures,
        limit("gateway RSS while encoding", [rss.most_mb], "MB", at_most=MOST_RSS_MB),
    ]


def _in_turns(
    scene: Scene, names: Mapping[str, str], size: int, kind: Kind, ways: Sequence[str]
) -> list[Figure]:
    rates: dict[tuple[str, str], list[float]] = defaultdict(list)
    for number in range(scene.sized(3, 1)):
        for way in ("plain", *ways):
            target = f"/api/v1/buckets/{names[way]}/files/{kind}/{number}"
            up, down = apart(there_and_back, scene.url, scene.admin_key, target, size, kind)
            rates[way, "up"].append(size / MIB / up)
            rates[way, "down"].append(size / MIB / down)
            scene.rest()
    return [
        ratio(
            f"{size // MIB} MiB of {kind}, {way}, {direction}",
            rates[way, direction],
            rates["plain", direction],
            "MiB/s",
        )
        for way in ways
        for direction in ("up", "down")
    ]


def there_and_back(url: str, key: str, target: str, size: int, kind: Kind) -> tuple[float, float]:
    """Put a file and get it again, as plain bytes; return the seconds of each."""
    place = urlsplit(url)
    connection = http.client.HTTPConnection(place.hostname or "", place.port, timeout=300)
    caller = {"Authorization": f"Bearer {key}"}
    began = time.perf_counter()
    sent = {"Content-Length": str(size), "Content-Type": "text/plain"}
    connection.request("PUT", target, _bodies(kind, size), caller | sent)
    _expect(connection.getresponse(), http.HTTPStatus.CREATED, None)
    put = time.perf_counter()
    connection.request("GET", target, headers=caller)
    _expect(connection.getresponse(), http.HTTPStatus.OK, size)
    got = time.perf_counter()
    connection.close()
    return put - began, got - put


def _expect(answer: http.client.HTTPResponse, status: int, size: int | None) -> None:
    room, got = bytearray(MIB), 0
    while read := answer.readinto(room):
        got += read
    if answer.status != status or size not in (None, got):
        raise RuntimeError(f"{answer.status}, {got} bytes")


def _bodies(kind: Kind, size: int) -> Iterator[bytes]:
    """Yield ``size`` bytes by the megabyte, unlike all others: noise, or lines of a log."""
    if kind == "noise":
        return pieces(size)
    log = _log_lines()
    return (stamped(log) for _ in range(size // MIB))


def _log_lines() -> bytes:
    """Return a mebibyte of what compresses as logs do, to about a sixth."""
    chance = random.Random(1)
    lines: list[bytes] = []
    length = 0
    while length < MIB:
        line = (
            f'{{"at":"2026-11-22T01:{chance.randrange(60):02d}:{chance.randrange(60):02d}Z",'
            f'"level":"info","request":"{chance.getrandbits(48):012x}","path":"/api/v1/buckets/'
            f'reports/files/{chance.randrange(10_000)}.csv","status":200}}\n'
        ).encode()
        lines.append(line)
        length += len(line)
    return b"".join(lines)[:MIB]
