"""What may break while a client makes changes, and how the platform is made whole again."""

import asyncio
from collections.abc import Sequence
from random import Random
from typing import NamedTuple, TypeAlias

import httpx

from libs.blobs import open_store
from libs.chassis.bus import Bus
from libs.contracts.storage import BlobPlace, GetFile
from tests.faults.cables import Cables
from tests.faults.crowding import clients_lost, exhausted
from tests.faults.processes import dying
from tests.faults.walking import CONTENTS, PATHS, Step, Walker
from tests.waiting import eventually

HEALTH = "/api/v1/system/health"
PARTS = ("database", "store", "nats", "storage", "versioning", "progress")
SLOW_S = 0.05


FAULTS = [
    ("kill", "storage"),
    ("kill", "gateway"),
    ("kill", "versioning"),
    ("cut", "postgres"),
    ("cut", "nats"),
    ("cut", "store"),
    ("tear", "postgres"),
    ("tear", "nats"),
    ("tear", "store"),
    ("slow down", "store"),
    ("refuse", "store"),
]
CRASHES = [
    ("storage", "after_promise"),
    ("storage", "after_begin"),
    ("storage", "before_commit"),
    ("storage", "after_commit"),
    ("storage", "relay_after_ack"),
    ("storage", "before_condemn"),
    ("storage", "after_condemn"),
    ("storage", "before_collect"),
    ("storage", "after_collect"),
    ("storage", "after_object_delete"),
    ("gateway", "after_put"),
    ("gateway", "after_commit"),
    ("versioning", "before_record"),
    ("versioning", "after_record"),
    ("versioning", "relay_after_ack"),
]


class Fault(NamedTuple):
    """F1, F7 and F8: what happens to whom, a moment after the first of these changes began."""

    happening: tuple[str, str]
    after_ms: int
    steps: Sequence[Step]


class Crash(NamedTuple):
    """F1: a service dies when it comes to a crash point for the nth time, of some uploads."""

    where: tuple[str, str]
    nth: int
    start: int


class Damage(NamedTuple):
    """F12: a bit flips somewhere in the bytes of a file."""

    path: str
    content: int
    percent: int


class Crowd(NamedTuple):
    """F13: many clients at once, who go away, or are too many for the connections there are."""

    leaves: bool
    chance: int


Breaking: TypeAlias = Fault | Crash | Damage | Crowd


async def disturbed(walker: Walker, cables: Cables, breaking: Breaking) -> None:
    """Let something break, and return when all is whole again and nothing in doubt."""
    match breaking:
        case Fault():
            await _changed_meanwhile(walker, cables, breaking)
        case Crash():
            await _crashed(walker, breaking)
        case Damage():
            await _damaged(walker, breaking)
        case Crowd():
            await _crowded(walker, breaking)


async def _crowded(walker: Walker, crowd: Crowd) -> None:
    if crowd.leaves:
        await clients_lost(walker.platform, walker.http, Random(crowd.chance))
    else:
        await exhausted(walker.platform, walker.http)


async def _changed_meanwhile(walker: Walker, cables: Cables, fault: Fault) -> None:
    walker.calm = False
    first = asyncio.create_task(walker.take(fault.steps[0]))
    await asyncio.sleep(fault.after_ms / 1000)
    _break(walker, cables, fault)
    await first
    for step in fault.steps[1:]:
        await walker.take(step)
        await walker.read(step.path)
    cables.mend()
    await whole_again(walker)
    await walker.settle()


def _break(walker: Walker, cables: Cables, fault: Fault) -> None:
    what, whom = fault.happening
    match what:
        case "kill":
            walker.platform.stack.kill(whom)
        case "cut":
            cables.cut(whom)
        case "tear":
            cables.tear(whom)
        case "slow down":
            cables.slow_down(whom, SLOW_S)
        case "refuse":
            cables.refuse(whom)


async def _crashed(walker: Walker, crash: Crash) -> None:
    service, point = crash.where
    if service == "versioning" and walker.kind.versioning == "off":
        return
    walker.calm = False
    async with dying(walker.platform, service, f"{point}:{crash.nth}") as process:
        number = crash.start
        while process.returncode is None:
            number += 1
            await walker.put(PATHS[number % len(PATHS)], number * 3 % CONTENTS)
    await whole_again(walker)
    await walker.settle()


async def _damaged(walker: Walker, damage: Damage) -> None:
    """Nobody gets the damaged bytes, and the same bytes put again heal them."""
    path = damage.path
    await walker.put(path, damage.content)
    async with Bus("admin", walker.platform.nats_url) as bus:
        place = (await bus.ask(GetFile(bucket=walker.bucket, path=path))).blob
        if place.backend != "primary":  # it is on its way home: who knows where
            return
        await _flip_a_bit(walker.platform.store_url, place, damage.percent)
        walker.calm = False
        # What it remembers would be right.
        walker.platform.stack.kill("gateway")
        await asyncio.sleep(0.1)
        await whole_again(walker)
        await walker.refused(path)

        async def quarantined() -> bool:
            found = await bus.ask(GetFile(bucket=walker.bucket, path=path))
            return found.blob.quarantined

        await eventually(quarantined)
    await walker.put(path, damage.content)
    await walker.read(path)


async def _flip_a_bit(store_url: str, place: BlobPlace, percent: int) -> None:
    async with open_store(store_url) as store:
        data = bytearray(await (await store.get(place.key)).read())
        data[place.offset + place.stored_bytes * percent // 100] ^= 1
        await store.put(place.key, bytes(data))


async def whole_again(walker: Walker) -> None:
    """Wait until all services are ready and say that they are well."""
    platform = walker.platform
    await asyncio.to_thread(platform.stack.wait_ready, *platform.stack.services)

    async def well() -> bool:
        try:
            answer = await walker.http.get(HEALTH)
        except httpx.TransportError:
            return False
        parts = answer.json()["parts"]
        assert {parts.get(name, "ok") for name in PARTS} == {"ok"}, answer.text
        return True

    await eventually(well, timeout_s=30, pause_s=0.1)
    walker.calm = True
