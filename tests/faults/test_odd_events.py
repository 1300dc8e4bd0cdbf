"""F9 and F16: events that cannot be applied, or that nobody here knows yet, among good ones."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from random import Random

import asyncpg
import httpx
import pytest

from libs.chassis.bus import Bus
from libs.contracts import envelope
from libs.contracts.ids import new_id
from libs.contracts.storage import FileStored
from tests.faults.load import API, State, assert_kept, make_bucket, recorded, states, uploading
from tests.faults.processes import operate
from tests.platform import Platform
from tests.waiting import eventually

FIRST = State(1, "a" * 64)


async def test_an_event_that_cannot_be_applied_is_parked_until_it_can(
    platform: Platform, http: httpx.AsyncClient
) -> None:
    """F9."""
    bucket = await make_bucket(http)
    paths = [*(f"before-{number}" for number in range(5)), "poison", "after"]

    async with unrecordable(platform, "poison"):
        for path in paths:
            answer = await http.put(f"{API}/{bucket}/files/{path}", content=path.encode())
            assert answer.status_code == 201
        for path in paths:
            if path != "poison":
                await recorded(http, bucket, path)
        said = await parked(platform, "CheckViolationError")
        assert f"file.stored.{bucket}" in said
        failed, _ = await operate(platform, "versioning", "dead-letters", "redrive", "all")
        assert failed == 1
        assert await states(http, bucket, "poison") == []

    done, said = await operate(platform, "versioning", "dead-letters", "redrive", "all")
    assert (done, said.count("applied")) == (0, 1)
    assert [state.revision for state in await states(http, bucket, "poison")] == [1]


@pytest.mark.parametrize(
    ("kind", "body", "error"),
    [("file.stored", b"{not json", "UnreadableEvent"), ("file.folded", b"{}", "UnknownEvent")],
)
async def test_what_cannot_be_read_is_parked_at_once_and_holds_nobody_up(
    platform: Platform,
    http: httpx.AsyncClient,
    admin_bus: Bus,
    rng: Random,
    kind: str,
    body: bytes,
    error: str,
) -> None:
    """F9, and F16 where a newer storage announces what this versioning does not know."""
    async with uploading(http, rng) as ledger:
        await ledger.until(uploads=5)
        subject = FileStored.every(ledger.bucket)
        await admin_bus.jetstream.publish(subject, body, headers={"ce-type": kind})
        await ledger.until(uploads=5)

    await assert_kept(http, ledger)
    assert subject in await parked(platform, error)
    await operate(platform, "versioning", "dead-letters", "drop", "all")


async def test_fields_and_subjects_of_a_newer_version_do_not_disturb(
    platform: Platform, http: httpx.AsyncClient, admin_bus: Bus
) -> None:
    """F16."""
    bucket = await make_bucket(http)
    event = await newer(http, bucket)
    body = envelope.encode(event).removesuffix(b"}") + b',"added_later":{"deep":[1]}}'

    await admin_bus.jetstream.publish(
        f"file.folded.{bucket}", b"{}", headers={"ce-type": "file.folded"}
    )
    await admin_bus.jetstream.publish(event.subject(), body, headers=envelope.headers(event))

    assert await recorded(http, bucket, event.path) == [FIRST]


async def newer(http: httpx.AsyncClient, bucket: str) -> FileStored:
    """Return an event about a file of ``bucket``, as its storage could have announced it."""
    found = (await http.get(f"{API}/{bucket}")).raise_for_status().json()
    return FileStored(
        bucket=bucket,
        bucket_id=found["bucket_id"],
        path="from-the-future",
        revision=FIRST.revision,
        sha256=FIRST.sha256,
        size=1,
        content_type="text/plain",
        metadata={},
        tags={},
        operation="put",
        actor=f"key:{new_id()}",
        versioning="auto",
    )


async def parked(platform: Platform, error: str) -> str:
    """Return the list of dead letters once it names ``error``."""

    async def listed() -> str | None:
        code, said = await operate(platform, "versioning", "dead-letters", "list")
        assert code == 0
        return said if error in said else None

    return await eventually(listed, timeout_s=15)


@asynccontextmanager
async def unrecordable(platform: Platform, path: str) -> AsyncIterator[None]:
    """Let the database refuse every version of ``path``, as a broken migration might."""
    conn = await asyncpg.connect(platform.database_urls["versioning"])
    await conn.execute(
        f"ALTER TABLE version ADD CONSTRAINT no_{path} CHECK (path <> '{path}') NOT VALID"
    )
    try:
        yield
    finally:
        await conn.execute(f"ALTER TABLE version DROP CONSTRAINT no_{path}")
        await conn.close()
