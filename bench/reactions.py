"""How fast a backlog of stored files becomes versions, after versioning was away."""

import hashlib
from datetime import datetime

import msgspec
import nats
from msgspec import Struct

from bench.apart import apart_async
from bench.bodies import unique
from bench.figures import Figure, rate
from bench.lean_http import LeanConnection
from bench.scene import Scene
from libs.chassis.bus import Bus
from libs.contracts.storage import ApplyChanges, PutContent
from libs.contracts.versioning import VersionCreated

READ_WITHIN_S = 10.0
PER_REQUEST = 500
RECORDED_PER_S = 1_000.0


class Backlog(Struct, frozen=True):
    """Where many files wait for their versions."""

    nats_url: str
    bucket: str
    files: int


def run(scene: Scene) -> list[Figure]:
    """Stop versioning, change many files, start it again; the stream's clock tells the rest."""
    rounds, files = scene.sized((3, 5000), (1, 1000))
    rates = []
    for number in range(rounds):
        backlog = Backlog(scene.nats.urls["admin"], scene.make_bucket(f"backlog-{number}"), files)
        scene.rest()
        scene.stack.halt("versioning")
        apart_async(pile_up, scene.url, scene.admin_key, backlog)
        scene.stack.resume("versioning")
        scene.rest()
        rates.append(apart_async(recorded_per_second, backlog))
    return [
        rate(
            "reactions: versions recorded from a backlog",
            rates,
            "/s",
            at_least=RECORDED_PER_S,
            detail=f"{files:,} files",
        )
    ]


async def pile_up(url: str, key: str, backlog: Backlog) -> None:
    """Store one body, and point many paths at it, in few requests."""
    connection = await LeanConnection.open(url, key)
    body = unique(4096)
    await connection.put(f"/api/v1/buckets/{backlog.bucket}/files/seed.bin", body)
    await connection.close()
    sha256 = hashlib.sha256(body).hexdigest()
    paths = [f"folder-{number % 50}/{number}.bin" for number in range(backlog.files)]
    async with Bus("bench", backlog.nats_url) as bus:
        for first in range(0, len(paths), PER_REQUEST):
            await bus.ask(
                ApplyChanges(
                    bucket=backlog.bucket,
                    actor="service:bench",
                    changes=[
                        PutContent(path=path, sha256=sha256)
                        for path in paths[first : first + PER_REQUEST]
                    ],
                ),
                timeout_s=30.0,
            )


async def recorded_per_second(backlog: Backlog) -> float:
    """Return the rate from the first announced commit to the last one, as the stream dated them."""
    told: list[tuple[datetime, int]] = []
    client = await nats.connect(backlog.nats_url)
    try:
        subject = VersionCreated.every(backlog.bucket)
        commits = await client.jetstream().subscribe(subject, ordered_consumer=True)
        while sum(changed for _, changed in told) < backlog.files + 1:  # and the seed
            message = await commits.next_msg(timeout=READ_WITHIN_S)
            event = msgspec.json.decode(message.data, type=VersionCreated)
            told.append((message.metadata.timestamp, event.changed))
    finally:
        await client.close()
    (began_at, first), (ended_at, _) = told[0], told[-1]
    return (backlog.files + 1 - first) / (ended_at - began_at).total_seconds()
