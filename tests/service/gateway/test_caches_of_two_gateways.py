"""Two gateways that share records: each reads what the other wrote, and asks storage less often."""

import asyncio
import hashlib
import os
import time
from collections.abc import AsyncIterator, Iterator
from functools import partial
from typing import Any
from uuid import uuid4

import httpx
import pytest

from libs.chassis.bus import Bus
from libs.contracts.storage import DeleteFile
from services.gateway.cache.records import BELIEVE_S
from services.gateway.cache.shared import STREAM, subject_of
from tests.faults.processes import free_port, started
from tests.platform import Platform, running_platform
from tests.waiting import eventually

HAMMERED_S = 5.0
SHARED = {"STRONGROOM_GATEWAY_SHARED_CACHE": "true"}


@pytest.fixture(scope="module")
def platform() -> Iterator[Platform]:
    """Storage and progress, with a gateway that shares."""
    with running_platform(("storage", "progress", "gateway"), SHARED) as running:
        yield running


@pytest.fixture(scope="module")
async def beside(platform: Platform) -> AsyncIterator[httpx.AsyncClient]:
    """Another gateway that shares."""
    port = free_port()
    settings = SHARED | {"STRONGROOM_GATEWAY_PORT": str(port)}
    headers = {"Authorization": f"Bearer {platform.admin_key}"}
    async with (
        started(platform, "gateway", settings),
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", headers=headers) as client,
    ):
        await eventually(lambda: shared(client))
        yield client


@pytest.fixture
async def bus(platform: Platform) -> AsyncIterator[Bus]:
    async with Bus("admin", platform.nats_url) as bus:
        yield bus


async def shared(gateway: httpx.AsyncClient) -> dict[str, Any] | None:
    """Return how the shared records do, as this gateway sees it."""
    status = (await gateway.get("/api/v1/system/storage")).json()
    found: dict[str, Any] | None = status["caches"].get("shared")
    return found


async def hits(gateway: httpx.AsyncClient) -> int:
    found = await shared(gateway)
    assert found is not None
    return int(found["hits"])


async def put(gateway: httpx.AsyncClient, files: str, path: str = "a") -> bytes:
    body = os.urandom(50)
    answer = await gateway.put(f"{files}/{path}", content=body)
    assert answer.status_code in (200, 201), answer.text
    return body


async def is_read(gateway: httpx.AsyncClient, files: str, body: bytes | None) -> bool:
    answer = await gateway.get(f"{files}/a")
    return answer.content == body if body is not None else answer.status_code == 404


async def are_shared(gateway: httpx.AsyncClient, bus: Bus, files: str, *paths: str) -> None:
    """Read files through ``gateway`` until their records lie there: what was just written is not
    looked for there for a moment.
    """
    bucket = files.split("/")[-2]

    async def lie_there() -> bool:
        for path in paths:
            await gateway.get(f"{files}/{path}")
        return await values(bus, bucket) == len(paths)

    await eventually(lie_there)


async def test_one_gateway_spares_the_other_a_question(
    http: httpx.AsyncClient, beside: httpx.AsyncClient, bus: Bus, files: str
) -> None:
    body = await put(http, files)
    await are_shared(http, bus, files, "a")
    before = await hits(beside)

    async def spared() -> bool:
        assert await is_read(beside, files, body)
        return await hits(beside) > before

    await eventually(spared)


async def test_what_one_gateway_writes_the_other_reads_as_soon_as_it_hears_of_it(
    http: httpx.AsyncClient, beside: httpx.AsyncClient, files: str
) -> None:
    for writer, reader in 3 * [(http, beside), (beside, http)]:
        body = await put(writer, files)
        await eventually(partial(is_read, reader, files, body), timeout_s=BELIEVE_S)
        assert await is_read(writer, files, body)

    assert (await http.delete(f"{files}/a")).status_code == 204
    await eventually(lambda: is_read(beside, files, None), timeout_s=BELIEVE_S)


async def test_a_write_takes_the_shared_record_away_before_it_is_answered(
    http: httpx.AsyncClient, beside: httpx.AsyncClient, bus: Bus, bucket: str, files: str
) -> None:
    await put(http, files)
    await are_shared(http, bus, files, "a")

    await put(beside, files)

    assert await values(bus, bucket) == 0


async def test_what_changes_many_files_takes_all_of_the_bucket_away(
    http: httpx.AsyncClient, bus: Bus, bucket: str, files: str
) -> None:
    for path in "abc":
        await put(http, files, path)
    await are_shared(http, bus, files, *"abc")

    change = {"op": "move", "source": "a", "path": "d"}
    answer = await http.post(files.replace("/files", "/changes"), json={"changes": [change]})

    assert answer.status_code == 200, answer.text
    assert await values(bus, bucket) == 0


async def test_what_storage_changes_by_itself_is_taken_away_by_its_event(
    http: httpx.AsyncClient, beside: httpx.AsyncClient, bus: Bus, bucket: str, files: str
) -> None:
    body = await put(http, files)
    await are_shared(http, bus, files, "a")
    assert await is_read(beside, files, body)

    await bus.ask(DeleteFile(bucket=bucket, path="a", actor="service:storage"))

    for gateway in (http, beside):
        await eventually(partial(is_read, gateway, files, None), timeout_s=BELIEVE_S)
    await eventually(lambda: is_gone(bus, bucket))


async def test_an_answer_from_before_a_change_cannot_be_filled_in(bus: Bus) -> None:
    """A claim that was purged is worth nothing, whatever came after it."""
    subject = subject_of("bucket", str(uuid4()))
    claim = (await bus.jetstream.publish(subject)).seq
    await bus.jetstream.purge_stream(STREAM, subject=subject)

    headers = {"Nats-Expected-Last-Subject-Sequence": str(claim)}
    await bus.client.publish(subject, b"from before", headers=headers)
    await bus.client.flush()
    again = (await bus.jetstream.publish(subject)).seq

    assert again > claim
    assert (await bus.jetstream.get_last_msg(STREAM, subject)).data in (None, b"")


async def test_readers_and_writers_of_both_gateways_never_see_what_is_too_old(
    http: httpx.AsyncClient, beside: httpx.AsyncClient, files: str
) -> None:
    """Through the gateway that answered the put: never older. Through the other: for a moment."""
    acknowledged: dict[httpx.AsyncClient, int] = {http: 0, beside: 0}
    answered_at: list[float] = [time.monotonic()]
    """When each number was acknowledged."""
    ends_at = time.monotonic() + HAMMERED_S

    async def write() -> None:
        while time.monotonic() < ends_at:
            number = len(answered_at)
            gateway = (http, beside)[number % 2]
            body = b"%d " % number + os.urandom(20)
            answer = await gateway.put(f"{files}/a", content=body)
            assert answer.status_code in (200, 201), answer.text
            acknowledged[gateway] = number
            answered_at.append(time.monotonic())
            await asyncio.sleep(0.01)

    async def look(gateway: httpx.AsyncClient) -> None:
        while time.monotonic() < ends_at:
            own, began = acknowledged[gateway], time.monotonic()
            answer = await gateway.get(f"{files}/a")
            if answer.status_code == 404:
                assert own == 0
                continue
            seen = int(answer.content.split(b" ")[0])
            assert seen >= own
            newer = answered_at[seen + 1 : seen + 2]
            assert not newer or began - newer[0] <= BELIEVE_S

    await asyncio.gather(write(), *(look(gateway) for gateway in (http, beside) for _ in range(2)))
    assert len(answered_at) > 10


async def test_without_the_shared_records_nothing_fails(
    http: httpx.AsyncClient, beside: httpx.AsyncClient, bus: Bus, files: str
) -> None:
    """They are lost, as when NATS restarts, and made again."""
    body = await put(http, files)
    await bus.jetstream.delete_stream(STREAM)

    assert await is_read(beside, files, body)
    new = await put(beside, files)
    await eventually(lambda: is_read(http, files, new), timeout_s=BELIEVE_S)

    async def is_there() -> bool:
        await put(http, files)
        return await shared(http) is not None

    await eventually(is_there)


async def values(bus: Bus, bucket: str) -> int:
    """Return how many records of a bucket lie there, or are about to."""
    await bus.client.flush()
    info = await bus.jetstream.stream_info(STREAM, subjects_filter=subject_of(bucket))
    return len(info.state.subjects or {})


async def is_gone(bus: Bus, bucket: str) -> bool:
    return await values(bus, bucket) == 0


def test_keys_tell_nothing_of_what_they_are_for() -> None:
    digest = hashlib.sha256(b"reports").hexdigest()

    assert subject_of("reports", "a/b").startswith(f"$KV.records.{digest[:16]}.")
    assert subject_of("reports") == f"$KV.records.{digest[:16]}.>"
