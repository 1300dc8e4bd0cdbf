"""Uploads by tus that end otherwise than as a file, and those that were never to be."""

import os
from collections.abc import AsyncIterator, Awaitable, Callable
from uuid import uuid4

import httpx
import pytest

from libs.blobs.failures import BlobNotFound
from libs.blobs.fallback import Backends
from libs.blobs.opening import open_store
from libs.chassis.database import Database
from services.storage import loops
from tests.journeys.tus_wire import ALL, VERSION, Tus, id_of, told
from tests.platform import Platform
from tests.waiting import eventually


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


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ({"Tus-Resumable": "0.2.2", "Upload-Length": "1"}, 412, "tus-version-not-supported"),
        ({}, 400, "malformed-header"),
        ({"Upload-Length": "-1"}, 400, "malformed-header"),
        ({"Upload-Length": "9" * 19}, 400, "malformed-header"),
        ({"Upload-Length": "1", "Upload-Defer-Length": "1"}, 400, "malformed-header"),
        ({"Upload-Defer-Length": "2"}, 400, "malformed-header"),
        ({"Upload-Length": str(2**60)}, 413, "body-too-large"),
        ({"Upload-Length": "1", "Upload-Metadata": "bucket !"}, 400, "malformed-header"),
        ({"Upload-Length": "1", "Upload-Metadata": told(path="a")}, 400, "malformed-header"),
        ({"Upload-Length": "1", "Upload-Concat": "whole"}, 400, "malformed-header"),
        ({"Upload-Concat": "final;"}, 400, "malformed-header"),
        ({"Upload-Concat": "final;https://elsewhere/1"}, 400, "malformed-header"),
    ],
    ids=[
        "old-version",
        "no-length",
        "negative-length",
        "length-of-no-file",
        "two-lengths",
        "deferred-otherwise",
        "too-large",
        "no-base64",
        "no-bucket",
        "unknown-concat",
        "final-of-nothing",
        "final-of-something-else",
    ],
)
async def test_a_bad_beginning_is_refused_by_name(
    tus: Tus, headers: dict[str, str], status: int, code: str
) -> None:
    where = told(bucket=tus.bucket, path="a/file")
    sent = VERSION | {"Upload-Metadata": where} | headers

    answer = await tus.http.post(ALL, headers=sent)

    assert (answer.status_code, Tus.code(answer)) == (status, code)
    assert answer.headers["tus-resumable"] == "1.0.0"
    assert (answer.headers.get("tus-version") == "1.0.0") is (status == 412)


@pytest.mark.parametrize(
    "path", ["../a", "a//b", "a\x00b", "a\\b"], ids=["up", "empty", "nul", "back"]
)
async def test_a_path_that_no_file_may_have_is_refused_before_any_byte(tus: Tus, path: str) -> None:
    answer = await tus.post({"Upload-Length": "1"}, path=path)

    assert (answer.status_code, Tus.code(answer)) == (400, "invalid-path")


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Upload-Offset": "x"}, 400),
        ({"Upload-Offset": ""}, 400),
        ({"Content-Type": "text/plain"}, 415),
        ({"Upload-Checksum": "crc32 AAAA"}, 400),
        ({"Upload-Checksum": "sha1 AAAA"}, 400),
        ({"Tus-Resumable": ""}, 412),
    ],
    ids=["offset", "no-offset", "type", "algorithm", "digest", "version"],
)
async def test_a_bad_patch_is_refused_by_name(
    tus: Tus, headers: dict[str, str], status: int
) -> None:
    url = await tus.begin(5)

    answer = await tus.patch(url, 0, b"12345", headers)

    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert (await tus.head(url)).headers["upload-offset"] == "0"


async def test_a_page_of_another_origin_may_not_read_unless_it_is_allowed(tus: Tus) -> None:
    answer = await tus.http.options(ALL, headers={"Origin": "https://elsewhere.example"})

    assert not [name for name in answer.headers if name.startswith("access-control-")]


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
