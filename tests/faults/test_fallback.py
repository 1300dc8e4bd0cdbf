"""F8: the primary store is away; uploads go on in the fallback, and come home afterwards."""

import asyncio
from random import Random

import httpx

from libs.chassis.bus import Bus
from libs.contracts.progress import ListTasks
from libs.contracts.storage import GetFile
from services.storage.moving_home import BRING_HOME
from tests.faults.load import API, make_bucket
from tests.platform import Platform
from tests.waiting import eventually

HEALTH = "/api/v1/system/health"


async def test_what_is_put_while_the_primary_is_away_is_readable_and_comes_home(
    platform: Platform, http: httpx.AsyncClient, admin_bus: Bus, rng: Random
) -> None:
    bucket = await make_bucket(http)
    before = rng.randbytes(3_000)
    assert (await http.put(f"{API}/{bucket}/files/before", content=before)).status_code == 201
    bodies = {f"small-{number}": rng.randbytes(4_000) for number in range(8)}
    bodies["large"] = rng.randbytes(3_000_000)
    await asyncio.to_thread(platform.stack.halt, "s3")

    for path, body in bodies.items():
        answer = await http.put(f"{API}/{bucket}/files/{path}", content=body)
        assert answer.status_code == 201, f"{path}: {answer.text}"

    for path, body in bodies.items():
        assert (await http.get(f"{API}/{bucket}/files/{path}")).content == body
    away = await http.get(f"{API}/{bucket}/files/before")
    assert (away.status_code, "retry-after" in away.headers) == (503, True)
    health = await http.get(HEALTH)
    assert (health.status_code, health.json()["status"]) == (200, "degraded")
    await asyncio.to_thread(platform.stack.resume, "s3")

    async def home() -> bool:
        for path, body in bodies.items():
            answer = await http.get(f"{API}/{bucket}/files/{path}")
            assert answer.content == body
            stored = await admin_bus.ask(GetFile(bucket=bucket, path=path))
            assert stored.blob.backend == "primary"
        assert (await http.get(HEALTH)).json()["status"] != "down"
        return True

    await eventually(home, timeout_s=60, pause_s=0.3)
    tasks = (await admin_bus.ask(ListTasks(kind=BRING_HOME))).items
    assert tasks[0].state in ("running", "succeeded")
    assert (await http.get(f"{API}/{bucket}/files/before")).content == before
