"""What may break while a client makes changes, and how the platform is made whole again."""

import asyncio
from collections.abc import Sequence
from typing import NamedTuple

import httpx
from hypothesis import strategies as st

from libs.blobs import open_store
from libs.chassis.bus import Bus
from libs.contracts.storage import BlobPlace, GetFile
from tests.faults.cables import Cables
from tests.faults.processes import dying
from tests.faults.walking import CONTENTS, PATHS, Step, Walker
from tests.waiting import eventually

HEALTH = "/api/v1/system/health"
PARTS = ("database", "store", "nats", "storage", "versioning", "progress")
SLOW_S = 0.05


class Fault(NamedTuple):
    """What happens to whom, and how long after the first change began."""

    what: str
    whom: str
    after_ms: int = 0


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
FAULTS = st.builds(
    lambda happening, after_ms: Fault(happening[0], happening[1], after_ms),
    st.sampled_from(
        [
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
    ),
    st.integers(0, 60),
)


async def disturbed(walker: Walker, cables: Cables, fault: Fault, steps: Sequence[Step]) -> None:
    """F1, F7 and F8: make changes while something breaks in the first of them."""
    walker.calm = False
    first = asyncio.create_task(walker.take(steps[0]))
    await asyncio.sleep(fault.after_ms / 1000)
    _break(walker, cables, fault)
    await first
    for step in steps[1:]:
        await walker.take(step)
        await walker.read(step.path)
    cables.mend()
    await whole_again(walker)
    await walker.settle()


def _break(walker: Walker, cables: Cables, fault: Fault) -> None:
    match fault.what:
        case "kill":
            walker.platform.stack.kill(fault.whom)
        case "cut":
            cables.cut(fault.whom)
        case "tear":
            cables.tear(fault.whom)
        case "slow down":
            cables.slow_down(fault.whom, SLOW_S)
        case "refuse":
            cables.refuse(fault.whom)


async def crashed(walker: Walker, crash: tuple[str, str], nth: int, start: int) -> None:
    """F1: upload until a service dies at a crash point."""
    service, point = crash
    if service == "versioning" and walker.kind.versioning == "off":
        return
    walker.calm = False
    async with dying(walker.platform, service, f"{point}:{nth}") as process:
        number = start
        while process.returncode is None:
            number += 1
            await walker.put(PATHS[number % len(PATHS)], number * 3 % CONTENTS)
    await whole_again(walker)
    await walker.settle()


async def damaged(walker: Walker, path: str, content: int, percent: int) -> None:
    """F12: flip a bit of a file's bytes: nobody gets them, and the same bytes put again heal."""
    await walker.put(path, content)
    async with Bus("admin", walker.platform.nats_url) as bus:
        place = (await bus.ask(GetFile(bucket=walker.bucket, path=path))).blob
        await _flip_a_bit(walker.platform.store_url, place, percent)
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
    await walker.put(path, content)
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
