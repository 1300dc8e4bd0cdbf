"""Uploads by tus that end otherwise than as a file, and those that were never to be."""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from uuid import uuid4

import httpx
import pytest

from deploy.local.ports import HOST
from libs.blobs.failures import BlobNotFound
from libs.blobs.fallback import Backends
from libs.blobs.opening import open_store
from libs.chassis.database import Database
from libs.contracts.storage import GetFile
from services.storage import loops
from tests.faults.processes import started
from tests.journeys.tus_js import free_port
from tests.journeys.tus_wire import ALL, Tus, id_of, is_held
from tests.journeys.wire import connected
from tests.platform import Platform
from tests.service.storage.bucket import Ask
from tests.waiting import eventually

MIB = 1024 * 1024


@pytest.fixture
def tus(http: httpx.AsyncClient, bucket: str) -> Tus:
    return Tus(http, bucket)


@pytest.fixture
async def storage(db_of: Callable[[str], Awaitable[Database]]) -> Database:
    return await db_of("storage")


@pytest.fixture
async def writer(http: httpx.AsyncClient, bucket: str) -> AsyncIterator[str]:
    """A key that may write to the bucket."""
    made = await http.post("/api/v1/api-keys", json={"name": "w", "scopes": ["read", "write"]})
    assert made.status_code == 201, made.text
    principal = {"principal": f"key:{made.json()['key_id']}", "role": "writer"}
    granted = await http.put(f"/api/v1/buckets/{bucket}/grants", json=principal)
    assert granted.status_code < 300, granted.text
    yield made.json()["key"]
    await http.delete(f"/api/v1/api-keys/{made.json()['key_id']}")


async def test_a_terminated_upload_leaves_nothing(
    platform: Platform, storage: Database, tus: Tus
) -> None:
    url = await tus.begin(20_000)
    await tus.patch(url, 0, os.urandom(10_000))
    (key,) = await _keys_of(storage, url)

    ended, again = await tus.delete(url), await tus.delete(url)

    assert (ended.status_code, again.status_code) == (204, 404)
    assert (await tus.head(url)).status_code == 404
    assert await _is_swept(platform, storage, key)


async def test_an_expired_upload_is_gone_for_its_client_and_from_the_store(
    platform: Platform, storage: Database, tus: Tus
) -> None:
    url = await tus.begin(20_000)
    await tus.patch(url, 0, os.urandom(10_000))
    (key,) = await _keys_of(storage, url)

    async with storage.connection() as conn:
        await conn.execute(
            "UPDATE upload_session SET expires_at = now() WHERE session_id = $1", id_of(url)
        )
    refused = await tus.patch(url, 10_000, os.urandom(10_000))
    await loops.sweep_sessions(storage)

    assert (refused.status_code, Tus.code(refused)) == (410, "upload-session-expired")
    assert (await tus.head(url)).status_code == 404
    assert await _is_swept(platform, storage, key)


async def test_parts_are_deleted_when_they_are_a_file(
    platform: Platform, storage: Database, tus: Tus
) -> None:
    url = await tus.begin(20_000)
    await tus.patch(url, 0, os.urandom(10_000))
    (key,) = await _keys_of(storage, url)

    await tus.patch(url, 10_000, os.urandom(10_000))

    assert await _keys_of(storage, url) == []
    assert await _is_swept(platform, storage, key)


async def test_an_upload_that_is_terminated_meanwhile_takes_no_more(
    platform: Platform, storage: Database, tus: Tus
) -> None:
    url = await tus.begin(8)
    async with connected(platform) as slow:
        headers = [f"{name}: {value}" for name, value in Tus.patch_headers(0).items()]
        await slow.send("PATCH", url, *headers, "Content-Length: 8", body=b"1234")
        await eventually(lambda: is_held(storage, url))
        ended = await tus.delete(url)
        refused = await slow.answer()

    assert ended.status_code == 204
    assert (refused.status, refused.code) == (409, "upload-session-lost")


async def test_what_came_to_a_gateway_that_is_told_to_stop_is_kept(
    platform: Platform, http: httpx.AsyncClient, files: str, tus: Tus
) -> None:
    body = os.urandom(8 * MIB)
    port = free_port()
    url = await tus.begin(len(body))
    sent = asyncio.Event()

    async def slowly() -> AsyncIterator[bytes]:
        yield body[: 2 * MIB]
        sent.set()
        for at in range(2 * MIB, len(body), 64 * 1024):
            await asyncio.sleep(0.5)
            yield body[at : at + 64 * 1024]

    settings = {"STRONGROOM_GATEWAY_PORT": str(port)}
    async with started(platform, "gateway", settings) as (gateway, _):
        sending = asyncio.create_task(tus.patch(f"http://{HOST}:{port}{url}", 0, slowly()))
        await sent.wait()
        await asyncio.sleep(1)
        gateway.terminate()
        code = await gateway.wait()
        # This client sends on and on before it looks for an answer, so it may never see the 503.
        await asyncio.wait({sending})
        answered = [] if sending.exception() else [sending.result().status_code]
    offset = int((await tus.head(url)).headers["upload-offset"])
    await tus.patch(url, offset, body[offset:])

    assert code == 0
    assert answered in ([], [503])
    assert offset >= 2 * MIB
    assert (await http.get(f"{files}/a/file")).content == body


async def test_parts_of_encrypted_buckets_lie_encrypted(
    http: httpx.AsyncClient, platform: Platform, storage: Database, files: str, tus: Tus
) -> None:
    body = os.urandom(16) + b"plain text" * 5_000
    changed = await http.patch(f"/api/v1/buckets/{tus.bucket}", json={"encryption": "aes-256-gcm"})
    whole = await tus.begin(2 * len(body))
    partial = await tus.post({"Upload-Concat": "partial", "Upload-Length": str(len(body))})

    stored = []
    for url in (whole, partial.headers["location"]):
        await tus.patch(url, 0, body)
        (key,) = await _keys_of(storage, url)
        async with open_store(platform.store_url) as store:
            stored.append(await (await store.get(key)).read())
    await tus.patch(whole, len(body), body)

    assert changed.status_code == 200, changed.text
    assert [b"plain text" in found for found in stored] == [False, False]
    assert (await http.get(f"{files}/a/file")).content == 2 * body


@pytest.mark.parametrize("chunks", [1, 2])
async def test_files_are_compressed_as_their_bucket_wants_it(
    http: httpx.AsyncClient, ask: Ask, files: str, tus: Tus, chunks: int
) -> None:
    body = os.urandom(16) + b"plain text" * 30_000
    await http.patch(f"/api/v1/buckets/{tus.bucket}", json={"compression": "zstd"})
    url = await tus.begin(len(body), filetype="text/plain")

    size = -(-len(body) // chunks)
    for offset in range(0, len(body), size):
        await tus.patch(url, offset, body[offset : offset + size])
    stored = await ask(GetFile(bucket=tus.bucket, path="a/file"))
    got = await http.get(f"{files}/a/file", headers={"Accept-Encoding": "identity"})

    assert stored.blob.codec == "zstd"
    assert stored.blob.stored_bytes < len(body) // 10
    assert got.content == body


async def test_what_a_quota_does_not_hold_is_refused_before_any_byte(
    http: httpx.AsyncClient, tus: Tus
) -> None:
    await http.patch(f"/api/v1/buckets/{tus.bucket}", json={"quota_bytes": 10})

    answer = await tus.post({"Upload-Length": "11"}, path="a/file")

    assert (answer.status_code, Tus.code(answer)) == (413, "quota-exceeded")


async def test_a_file_that_is_there_is_not_replaced_when_only_a_new_one_is_wanted(
    http: httpx.AsyncClient, files: str, tus: Tus
) -> None:
    only_new = {"Upload-Length": "5", "If-None-Match": "*"}
    begun = await tus.post(only_new, path="a/file")
    await http.put(f"{files}/a/file", content=b"first")

    late = await tus.patch(begun.headers["location"], 0, b"12345")
    refused = await tus.post(only_new, path="a/file")

    for answer in (late, refused):
        assert (answer.status_code, Tus.code(answer)) == (412, "precondition-failed")
    assert (await http.get(f"{files}/a/file")).content == b"first"


async def test_anothers_upload_is_as_one_that_never_was(tus: Tus, writer: str) -> None:
    url = await tus.begin(5)
    stranger = Tus(tus.http, tus.bucket, writer)

    for answer in (
        await stranger.patch(url, 0, b"12345"),
        await stranger.delete(url),
        await stranger.patch(f"{ALL}/{uuid4()}", 0, b"12345"),
    ):
        assert (answer.status_code, Tus.code(answer)) == (404, "upload-session-not-found")
    assert (await stranger.head(url)).status_code == 404
    assert (await tus.head(url)).status_code == 200


async def test_a_writer_uploads_where_it_may_and_nowhere_else(
    http: httpx.AsyncClient, files: str, tus: Tus, writer: str
) -> None:
    mine = Tus(tus.http, tus.bucket, writer)
    unseen = await http.post("/api/v1/buckets", json={"name": f"unseen-{uuid4().hex[:8]}"})
    elsewhere = Tus(tus.http, unseen.json()["name"], writer)

    url = await mine.begin(5)
    done = await mine.patch(url, 0, b"12345")
    refused = await elsewhere.post({"Upload-Length": "5"}, path="a")

    assert done.status_code == 204
    assert (await http.get(f"{files}/a/file")).content == b"12345"
    assert (refused.status_code, Tus.code(refused)) == (404, "bucket-not-found")


async def test_who_lost_the_right_to_write_cannot_finish(
    http: httpx.AsyncClient, files: str, tus: Tus, writer: str
) -> None:
    mine = Tus(tus.http, tus.bucket, writer)
    url = await mine.begin(5)
    grants = await http.get(f"/api/v1/buckets/{tus.bucket}/grants")
    principal = grants.json()["items"][0]["principal"]

    taken = await http.delete(
        f"/api/v1/buckets/{tus.bucket}/grants", params={"principal": principal}
    )
    refused = await _until_refused(mine, url)

    assert taken.status_code == 204, taken.text
    assert refused.status_code == 404
    assert (await http.get(f"{files}/a/file")).status_code == 404


async def _keys_of(storage: Database, url: str) -> list[str]:
    async with storage.connection() as conn:
        rows = await conn.fetch(
            "SELECT key FROM upload_session_part WHERE session_id = $1", id_of(url)
        )
    return [row["key"] for row in rows]


async def _is_swept(platform: Platform, storage: Database, key: str) -> bool:
    """Tell whether the sweepers delete the object, as they do by themselves by and by."""
    async with open_store(platform.store_url) as store:
        await store.head(key)

        async def gone() -> bool:
            await loops.sweep_promises(storage)
            await loops.sweep_doomed_objects(storage, Backends(store))
            try:
                await store.head(key)
            except BlobNotFound:
                return True
            return False

        return await eventually(gone)


async def _until_refused(tus: Tus, url: str) -> httpx.Response:
    """Send nothing again and again until that is not allowed any more."""

    async def refused() -> httpx.Response | None:
        answer = await tus.patch(url, 0, b"")
        return None if answer.status_code == 204 else answer

    return await eventually(refused)
