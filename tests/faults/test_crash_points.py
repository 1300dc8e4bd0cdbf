"""F1 and F2: a service dies by kill -9 between two steps, under load, and comes back."""

from random import Random

import httpx
import pytest
from nats.aio.msg import Msg

from libs.chassis.bus import Bus
from libs.contracts.storage import FileStored
from tests.faults.load import API, assert_kept, make_bucket, recorded, uploading
from tests.faults.looking import nothing_waits
from tests.faults.processes import dying
from tests.platform import Platform
from tests.waiting import eventually

CRASH_POINTS = [
    ("storage", "after_begin"),
    ("storage", "after_promise"),
    ("storage", "before_commit"),
    ("storage", "after_commit"),
    ("gateway", "after_put"),
    ("gateway", "after_commit"),
    ("versioning", "before_record"),
    ("versioning", "after_record"),
    ("versioning", "relay_after_ack"),
]


@pytest.mark.parametrize(("service", "point"), CRASH_POINTS)
async def test_a_service_may_die_between_any_two_steps(
    platform: Platform, http: httpx.AsyncClient, rng: Random, service: str, point: str
) -> None:
    """F1."""
    async with uploading(http, rng) as ledger:
        await ledger.until(uploads=5)

        async with dying(platform, service, f"{point}:{rng.randint(1, 3)}"):
            pass

        await ledger.until(uploads=5)
    await assert_kept(http, ledger)


async def test_an_event_that_is_published_twice_takes_effect_once(
    platform: Platform, http: httpx.AsyncClient, admin_bus: Bus
) -> None:
    """F2: the relay dies between the acknowledgement and its mark."""
    bucket = await make_bucket(http)
    published: list[str] = []

    async def note(message: Msg) -> None:
        published.append((message.headers or {})["Nats-Msg-Id"])

    hearing = await admin_bus.subscribe(FileStored.every(bucket), note)
    await eventually(lambda: nothing_waits(platform, "storage"))

    # Who collects blobs announces marks, and the process would die of one of those.
    quiet = {"STRONGROOM_STORAGE_BLOB_GRACE_S": "3600"}
    async with dying(platform, "storage", "relay_after_ack", quiet):
        answer = await http.put(f"{API}/{bucket}/files/twice", content=b"once")
        assert answer.status_code == 201

    async def twice() -> bool:
        return len(published) == 2

    await eventually(twice)
    assert len(set(published)) == 1
    assert [state.revision for state in await recorded(http, bucket, "twice")] == [1]
    await hearing.unsubscribe()
