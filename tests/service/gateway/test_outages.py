"""What the gateway says when something behind it is gone or damaged."""

import asyncio
import time
from collections.abc import AsyncIterator

import httpx
import pytest
from blake3 import blake3

from libs.blobs.contract import BlobStore
from libs.chassis.database import Database
from tests.journeys.wire import connected
from tests.platform import Platform
from tests.service.gateway.conftest import Leftovers
from tests.waiting import eventually

MIB = 1024 * 1024


async def blob_key(db: Database, sha256: str) -> str:
    async with db.connection() as conn:
        key: str = await conn.fetchval(
            "SELECT key FROM blob WHERE sha256 = $1", bytes.fromhex(sha256)
        )
    return key


@pytest.mark.parametrize("proof", ["blake3", "sha256"])
@pytest.mark.parametrize("size", [1000, 9 * MIB])
async def test_damaged_bytes_never_come_out_as_a_file(
    http: httpx.AsyncClient,
    files: str,
    store: BlobStore,
    storage_db: Database,
    size: int,
    proof: str,
) -> None:
    body = b"d" * size + b"%d" % time.time_ns()
    sha256 = (await http.put(f"{files}/a", content=body)).json()["sha256"]
    async with storage_db.connection() as conn:
        kept = await conn.fetchval(
            "SELECT blake3 FROM blob WHERE sha256 = $1", bytes.fromhex(sha256)
        )
        assert kept == blake3(body).digest()
        if proof == "sha256":  # as where the bytes came by a restore
            await conn.execute(
                "UPDATE blob SET blake3 = NULL WHERE sha256 = $1", bytes.fromhex(sha256)
            )
    # Not read before: what the gateway remembers of a small file is still right.
    await store.put(await blob_key(storage_db, sha256), b"D" + body[1:])

    if size < MIB:
        answer = await http.get(f"{files}/a")
        assert answer.status_code == 502
        assert answer.json()["type"] == "urn:strongroom:problem:file-damaged"
    else:
        with pytest.raises(httpx.RemoteProtocolError):
            await http.get(f"{files}/a")


@pytest.mark.parametrize("size", [1000, 9 * MIB])
async def test_missing_and_shortened_bytes_are_an_error(
    http: httpx.AsyncClient, files: str, store: BlobStore, storage_db: Database, size: int
) -> None:
    for number, damage in enumerate(("missing", "short")):
        body = damage.encode() * size + b"%d" % time.time_ns()
        put = await http.put(f"{files}/{number}", content=body[: 11 * MIB])
        key = await blob_key(storage_db, put.json()["sha256"])
        if damage == "missing":
            await store.delete(key)
        else:
            await store.put(key, b"short")

        answer = await http.get(f"{files}/{number}")

        assert answer.status_code == 502
        assert answer.json()["type"] == "urn:strongroom:problem:file-damaged"


async def test_without_storage_the_caller_hears_so_at_once_and_all_heals(
    platform: Platform, http: httpx.AsyncClient, files: str, leftovers: Leftovers
) -> None:
    await http.put(f"{files}/before", content=b"x")
    await asyncio.to_thread(platform.stack.halt, "storage")
    try:
        began = time.monotonic()
        answers = [
            await http.put(f"{files}/a", content=b"x"),
            await http.get(f"{files}/before"),
            await http.put(f"{files}/large", content=bytes(3 * MIB)),
        ]
        took_s = time.monotonic() - began
    finally:
        await asyncio.to_thread(platform.stack.resume, "storage")

    for answer in answers:
        assert answer.status_code == 503, answer.text
        assert int(answer.headers["retry-after"]) >= 1
    assert took_s < 6

    async def healed() -> bool:
        return (await http.put(f"{files}/after", content=b"x")).status_code in (200, 201)

    await eventually(healed, timeout_s=30)
    assert (await http.get(f"{files}/before")).content == b"x"

    async def clean() -> bool:
        return not await leftovers()

    await eventually(clean, timeout_s=20)


async def test_an_upload_that_a_crash_made_storage_forget_is_to_be_tried_again(
    http: httpx.AsyncClient, files: str, store: BlobStore, storage_db: Database
) -> None:
    keys: list[str] = []

    async def body() -> AsyncIterator[bytes]:
        yield bytes(MIB)
        keys.append(await eventually(forgotten))
        yield b"the end"

    async def forgotten() -> str | None:
        async with storage_db.connection() as conn:
            key: str | None = await conn.fetchval(
                "DELETE FROM upload WHERE path = 'lost.bin' RETURNING key"
            )
        return key

    answer = await http.put(f"{files}/lost.bin", content=body())

    assert answer.status_code == 503, answer.text
    assert int(answer.headers["retry-after"]) >= 1
    assert (await http.get(f"{files}/lost.bin")).status_code == 404
    await store.delete(keys[0])  # the sweep of orphans would, once it is old enough


async def test_draining_ends_what_was_begun_and_takes_no_more(
    platform: Platform, http: httpx.AsyncClient, files: str
) -> None:
    async with connected(platform) as wire:
        await wire.send("PUT", f"{files}/slow", "Content-Length: 10", body=b"12345")
        await asyncio.sleep(0.3)
        stopping = asyncio.create_task(asyncio.to_thread(platform.stack.halt, "gateway"))
        await asyncio.sleep(0.5)
        wire.writer.write(b"67890")
        answer = await wire.answer()
        with pytest.raises(httpx.ConnectError):
            await http.get("/api/v1/me")
        await stopping
    await asyncio.to_thread(platform.stack.resume, "gateway")

    async def back() -> bytes:
        try:
            return (await http.get(f"{files}/slow")).content
        except httpx.HTTPError:
            return b""

    assert answer.status == 201
    assert await eventually(back, timeout_s=20) == b"1234567890"
