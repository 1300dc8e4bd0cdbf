"""What a gateway remembers is never older than what it was told: each way to change a file."""

import asyncio
import os
from typing import Any

import httpx
import pytest

from tests.journeys.test_direct_urls_over_http import begun, sha256_of
from tests.journeys.tus_wire import Tus
from tests.waiting import eventually

MIB = 1024 * 1024
SIZES = {"small": 100, "large": 2 * MIB}


async def read(http: httpx.AsyncClient, files: str, path: str = "a") -> bytes | None:
    """Return the file's bytes, twice the same ones; None when there is no file."""
    seen: list[bytes | None] = []
    for _ in range(2):
        answer = await http.get(f"{files}/{path}")
        assert answer.status_code in (200, 404), answer.text
        seen.append(answer.content if answer.status_code == 200 else None)
    assert seen[0] == seen[1]
    return seen[0]


async def put(http: httpx.AsyncClient, files: str, path: str = "a", size: int = 100) -> bytes:
    """Put bytes that nobody else has, and have them remembered."""
    body = os.urandom(size)
    answer = await http.put(f"{files}/{path}", content=body)
    assert answer.status_code in (200, 201), answer.text
    assert await read(http, files, path) == body
    return body


@pytest.mark.parametrize("size", SIZES.values(), ids=SIZES)
async def test_what_was_put_is_read_again_and_again(
    http: httpx.AsyncClient, files: str, size: int
) -> None:
    for _ in range(20):
        await put(http, files, size=size)


async def test_what_was_deleted_is_gone_at_once(http: httpx.AsyncClient, files: str) -> None:
    for _ in range(10):
        await put(http, files)
        assert (await http.delete(f"{files}/a")).status_code == 204
        assert await read(http, files) is None


async def test_labels_are_new_at_once(http: httpx.AsyncClient, files: str) -> None:
    await put(http, files)
    for number in range(5):
        answer = await http.patch(f"{files}/a", json={"metadata": {"n": str(number)}})
        assert answer.status_code == 200, answer.text
        got = await http.head(f"{files}/a")
        assert got.headers["strongroom-meta-n"] == str(number)


async def test_what_came_by_tus_is_read_at_once(
    http: httpx.AsyncClient, bucket: str, files: str
) -> None:
    """In one request it stays where it lies, in several it is written anew."""
    tus = Tus(http, bucket)
    for pieces in (1, 2, 1, 2):
        await put(http, files)
        body = os.urandom(2 * MIB)
        url = await tus.begin(len(body), path="a")
        step = len(body) // pieces
        for offset in range(0, len(body), step):
            answer = await tus.patch(url, offset, body[offset : offset + step])
            assert answer.status_code == 204, answer.text
        assert await read(http, files) == body


async def test_what_came_in_a_form_is_read_at_once(http: httpx.AsyncClient, files: str) -> None:
    for _ in range(3):
        await put(http, files)
        body = os.urandom(100)
        answer = await http.post(files, files={"file": ("a", body)})
        assert answer.status_code == 201, answer.text
        assert await read(http, files) == body


async def test_what_went_straight_to_the_store_is_read_at_once(
    http: httpx.AsyncClient, files: str
) -> None:
    await put(http, files)
    body = os.urandom(1000)
    upload = await begun(http, files, content_length=len(body))
    async with httpx.AsyncClient(trust_env=False) as anybody:
        assert (await anybody.put(upload["url"], content=body)).status_code == 200

    done = await http.post(upload["complete"], json={"sha256": sha256_of(body)})

    assert done.status_code in (200, 201), done.text
    assert await read(http, files) == body


async def test_changes_of_many_files_are_seen_at_once(http: httpx.AsyncClient, files: str) -> None:
    first, second = await put(http, files, "d/a"), await put(http, files, "d/b")

    async def change(*changes: dict[str, Any]) -> None:
        address = files.replace("/files", "/changes")
        answer = await http.post(address, json={"changes": changes})
        assert answer.status_code == 200, answer.text

    await change({"op": "move_prefix", "source_prefix": "d/", "prefix": "e/"})
    assert [await read(http, files, path) for path in ("d/a", "e/a")] == [None, first]

    await change({"op": "copy", "source": "e/b", "path": "e/a"})
    assert await read(http, files, "e/a") == second

    await change({"op": "delete_prefix", "prefix": "e/"})
    assert await read(http, files, "e/b") is None


async def test_what_history_and_the_trash_bring_back_is_read_at_once(
    http: httpx.AsyncClient, bucket: str, files: str
) -> None:
    address = files.removesuffix("/files")
    await http.patch(address, json={"trash_s": 3600})
    old = await put(http, files)

    async def recorded() -> str | None:
        commits = (await http.get(f"{address}/commits")).json()["items"]
        return commits[0]["commit_id"] if commits else None

    commit = await eventually(recorded)
    new = await put(http, files)

    async def restored() -> bool:
        answer = await http.post(f"{address}/restores", json={"to": commit})
        return answer.status_code == 200 and answer.json()["changed"] == 1

    await eventually(restored)
    assert await read(http, files) == old != new

    await http.delete(f"{files}/a")
    assert await read(http, files) is None
    answer = await http.post(f"{address}/trash/restores", json={"paths": ["a"]})
    assert answer.status_code == 200, answer.text
    assert await read(http, files) == old


async def test_a_bucket_of_the_same_name_has_other_files(
    http: httpx.AsyncClient, bucket: str, files: str
) -> None:
    address = files.removesuffix("/files")
    await put(http, files)
    task = (await http.delete(address, params={"force": "true"})).json()

    async def done() -> bool:
        answer = await http.get(f"/api/v1/progress/tasks/{task['task_id']}")
        return bool(answer.json()["state"] == "succeeded")

    await eventually(done)
    assert (await http.get(f"{files}/a")).status_code == 404
    assert (await http.post("/api/v1/buckets", json={"name": bucket})).status_code == 201
    assert await read(http, files) is None
    await put(http, files)


async def test_a_refused_delete_leaves_nothing_old_in_memory(
    http: httpx.AsyncClient, files: str
) -> None:
    body = await put(http, files)

    refused = await http.delete(f"{files}/a", headers={"If-Match": f'"{"0" * 64}"'})

    assert refused.status_code == 412
    assert await read(http, files) == body


async def test_readers_and_writers_at_once_never_see_the_past(
    http: httpx.AsyncClient, files: str
) -> None:
    """A reader that begins behind the answer to a put reads it, or what came after."""
    acknowledged = 0
    ended = asyncio.Event()

    async def write() -> None:
        nonlocal acknowledged
        for number in range(1, 151):
            answer = await http.put(f"{files}/a", content=b"%d " % number + os.urandom(20))
            assert answer.status_code in (200, 201), answer.text
            acknowledged = number
        ended.set()

    async def look() -> None:
        while not ended.is_set():
            least = acknowledged
            answer = await http.get(f"{files}/a")
            if answer.status_code == 404:
                assert least == 0
            else:
                assert int(answer.content.split(b" ")[0]) >= least

    await asyncio.gather(write(), *(look() for _ in range(4)))


async def test_what_memory_spares_is_told(http: httpx.AsyncClient, files: str) -> None:
    before = (await http.get("/api/v1/system/storage")).json()["caches"]
    await put(http, files)

    for _ in range(5):
        await http.get(f"{files}/a")

    after = (await http.get("/api/v1/system/storage")).json()["caches"]
    for cache in ("records", "contents"):
        assert after[cache]["hits"] >= before[cache]["hits"] + 5
        assert 0 < after[cache]["bytes"] <= after[cache]["most_bytes"]
