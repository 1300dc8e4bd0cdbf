"""tus 1.0 request by request: what its specification demands, and what must not happen."""

import hashlib
import os
from collections.abc import AsyncIterator, Awaitable, Callable

import httpx
import pytest

from libs.chassis.database import Database
from tests.journeys.tus_wire import Tus, is_held, told
from tests.journeys.wire import connected
from tests.platform import Platform
from tests.waiting import eventually

MIB = 1024 * 1024


@pytest.fixture
def tus(http: httpx.AsyncClient, bucket: str) -> Tus:
    return Tus(http, bucket)


@pytest.fixture
async def storage(db_of: Callable[[str], Awaitable[Database]]) -> Database:
    return await db_of("storage")


async def test_options_tell_what_is_understood(http: httpx.AsyncClient) -> None:
    answer = await http.options("/api/v1/uploads", headers={"Authorization": ""})

    assert answer.status_code == 204
    assert answer.headers["tus-version"] == answer.headers["tus-resumable"] == "1.0.0"
    assert set(answer.headers["tus-extension"].split(",")) == {
        "creation",
        "creation-with-upload",
        "creation-defer-length",
        "termination",
        "expiration",
        "checksum",
        "concatenation",
    }
    assert {"sha1", "sha256"} <= set(answer.headers["tus-checksum-algorithm"].split(","))
    assert int(answer.headers["tus-max-size"]) > 0


async def test_parts_become_a_file_with_the_last_byte(
    http: httpx.AsyncClient, files: str, tus: Tus
) -> None:
    body = os.urandom(3 * MIB + 5)

    url = await tus.begin(len(body), filetype="image/png", tags="a=b", **{"meta-year": "2026"})
    first = await tus.patch(url, 0, body[: 2 * MIB])
    between = await http.get(f"{files}/a/file")
    looked = await tus.head(url)
    second = await tus.patch(url, 2 * MIB, body[2 * MIB :])
    got = await http.get(f"{files}/a/file")

    assert (first.status_code, first.headers["upload-offset"]) == (204, str(2 * MIB))
    assert "upload-expires" in first.headers
    assert between.status_code == 404
    assert looked.headers["upload-offset"] == str(2 * MIB)
    assert looked.headers["upload-length"] == str(len(body))
    assert looked.headers["cache-control"] == "no-store"
    assert second.headers["etag"] == got.headers["etag"] == f'"{hashlib.sha256(body).hexdigest()}"'
    assert second.headers["strongroom-file"] == f"{files}/a/file"
    assert got.content == body
    assert got.headers["content-type"] == "image/png"
    assert got.headers["strongroom-tags"] == "a=b"
    assert got.headers["strongroom-meta-year"] == "2026"


async def test_metadata_come_back_as_they_were_told(tus: Tus) -> None:
    url = await tus.begin(10, relativePath="ä/b")

    looked = await tus.head(url)

    expected = told(bucket=tus.bucket, path="a/file", relativePath="ä/b")
    assert looked.headers["upload-metadata"] == expected


async def test_a_lost_answer_is_found_again(http: httpx.AsyncClient, files: str, tus: Tus) -> None:
    body = os.urandom(70_000)
    url = await tus.begin(len(body))
    await tus.patch(url, 0, body)

    looked, again = await tus.head(url), await tus.patch(url, len(body), b"")

    for answer in (looked, again):
        assert answer.headers["upload-offset"] == str(len(body))
        assert answer.headers["strongroom-version"] == "1"
    assert (await http.get(f"{files}/a/file")).headers["strongroom-version"] == "1"


async def test_an_empty_file_is_there_when_it_is_begun(
    http: httpx.AsyncClient, files: str, tus: Tus
) -> None:
    answer = await tus.post({"Upload-Length": "0"}, path="a/file")

    assert answer.status_code == 201
    assert (await http.get(f"{files}/a/file")).content == b""


async def test_the_length_may_come_later(http: httpx.AsyncClient, files: str, tus: Tus) -> None:
    answer = await tus.post({"Upload-Defer-Length": "1"}, path="a/file")
    url = answer.headers["location"]
    await tus.patch(url, 0, b"hello ")
    looked = await tus.head(url)
    done = await tus.patch(url, 6, b"world", {"Upload-Length": "11"})
    other = await tus.patch(url, 11, b"", {"Upload-Length": "12"})

    assert looked.headers["upload-defer-length"] == "1"
    assert "upload-length" not in looked.headers
    assert done.headers["strongroom-version"] == "1"
    assert (other.status_code, Tus.code(other)) == (400, "length-mismatch")
    assert (await http.get(f"{files}/a/file")).content == b"hello world"


async def test_creation_takes_the_first_bytes_along(
    http: httpx.AsyncClient, files: str, tus: Tus
) -> None:
    answer = await tus.post({"Upload-Length": "11"}, b"hello ", path="a/file")
    done = await tus.patch(answer.headers["location"], 6, b"world")

    assert (answer.status_code, answer.headers["upload-offset"]) == (201, "6")
    assert done.status_code == 204
    assert (await http.get(f"{files}/a/file")).content == b"hello world"


@pytest.mark.parametrize("algorithm", ["sha1", "sha256", "md5"])
async def test_a_wrong_checksum_keeps_nothing(tus: Tus, algorithm: str) -> None:
    body = os.urandom(2 * MIB)
    right = Tus.checksum(algorithm, body)
    url = await tus.begin(len(body))

    refused = await tus.patch(url, 0, body[:-1] + b"?", {"Upload-Checksum": right})
    looked = await tus.head(url)
    done = await tus.patch(url, 0, body, {"Upload-Checksum": right})

    assert (refused.status_code, Tus.code(refused)) == (460, "checksum-mismatch")
    assert looked.headers["upload-offset"] == "0"
    assert done.headers["upload-offset"] == str(len(body))


async def test_a_file_with_another_sha256_than_was_announced_never_appears(
    http: httpx.AsyncClient, files: str, tus: Tus
) -> None:
    url = await tus.begin(4, sha256="0" * 64)

    refused = await tus.patch(url, 0, os.urandom(4))

    assert (refused.status_code, Tus.code(refused)) == (422, "digest-mismatch")
    assert (await http.get(f"{files}/a/file")).status_code == 404
    assert (await tus.head(url)).status_code == 404


async def test_uploads_are_joined_in_the_order_that_is_told(
    http: httpx.AsyncClient, files: str, tus: Tus
) -> None:
    urls = []
    for body in (b"one ", b"two ", b"three"):
        answer = await tus.post({"Upload-Concat": "partial", "Upload-Length": str(len(body))})
        urls.append(answer.headers["location"])
        await tus.patch(urls[-1], 0, body)
    looked = await tus.head(urls[0])
    concat = {"Upload-Concat": "final;" + " ".join(reversed(urls))}

    joined = await tus.post(concat, path="a/file")
    again = await tus.post(concat, path="a/file")
    final = await tus.head(joined.headers["location"])
    onward = await tus.patch(joined.headers["location"], 13, b"more")

    assert looked.headers["upload-concat"] == "partial"
    assert joined.status_code == again.status_code == 201
    assert joined.headers["location"] == again.headers["location"]
    assert final.headers["upload-concat"] == concat["Upload-Concat"]
    assert final.headers["upload-length"] == "13"
    assert onward.status_code == 403
    got = await http.get(f"{files}/a/file")
    assert (got.content, got.headers["strongroom-version"]) == (b"threetwo one ", "1")


async def test_what_is_not_complete_is_not_joined(tus: Tus) -> None:
    begun = await tus.post({"Upload-Concat": "partial", "Upload-Length": "5"})
    whole = await tus.begin(5)

    for url in (begun.headers["location"], whole):
        answer = await tus.post({"Upload-Concat": f"final;{url}"}, path="a/file")
        assert (answer.status_code, Tus.code(answer)) == (409, "partials-not-ready")


async def test_a_wrong_offset_is_told_the_right_one(tus: Tus) -> None:
    url = await tus.begin(10)
    await tus.patch(url, 0, b"12345")

    refused = await tus.patch(url, 3, b"45")

    assert (refused.status_code, Tus.code(refused)) == (409, "offset-mismatch")
    assert refused.json()["offset"] == 5


async def test_of_two_patches_at_once_one_is_locked_out(
    platform: Platform, storage: Database, tus: Tus
) -> None:
    url = await tus.begin(8)
    async with connected(platform) as slow:
        headers = [f"{name}: {value}" for name, value in Tus.patch_headers(0).items()]
        await slow.send("PATCH", url, *headers, "Content-Length: 8", body=b"1234")
        await eventually(lambda: is_held(storage, url))
        locked = await tus.patch(url, 0, b"12345678")
        slow.writer.write(b"5678")
        done = await slow.answer()

    assert (locked.status_code, Tus.code(locked)) == (423, "upload-session-locked")
    assert done.status == 204
    assert done.headers["upload-offset"] == "8"


async def test_a_silent_patch_lets_another_go_on(
    platform: Platform, storage: Database, tus: Tus
) -> None:
    body = os.urandom(3 * MIB)
    url = await tus.begin(len(body))

    async def offset() -> int:
        return int((await tus.head(url)).headers["upload-offset"])

    async with connected(platform) as silent:
        headers = [f"{name}: {value}" for name, value in Tus.patch_headers(0).items()]
        length = f"Content-Length: {len(body)}"
        await silent.send("PATCH", url, *headers, length, body=body[: 2 * MIB])
        await eventually(lambda: is_held(storage, url))
        locked = await tus.patch(url, 0, body)
        kept = await eventually(offset, timeout_s=15)
        done = await tus.patch(url, kept, body[kept:])

    assert locked.status_code == 423
    assert kept >= 2 * MIB
    assert done.headers["etag"] == f'"{hashlib.sha256(body).hexdigest()}"'


async def test_a_chunked_body_is_as_good_as_a_measured_one(tus: Tus) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(4):
            yield b"12345"

    url = await tus.begin(20)

    done = await tus.patch(url, 0, pieces())

    assert done.headers["upload-offset"] == "20"


async def test_more_bytes_than_announced_are_refused(tus: Tus) -> None:
    async def too_many() -> AsyncIterator[bytes]:
        for _ in range(3):
            yield b"x" * 50_000

    url = await tus.begin(100_000)

    measured = await tus.patch(url, 0, b"x" * 100_001)
    chunked = await tus.patch(url, 0, too_many())

    assert measured.status_code == chunked.status_code == 413
    assert (await tus.head(url)).headers["upload-offset"] == "0"
