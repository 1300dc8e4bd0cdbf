"""Everything below a prefix as one zip, made while it is sent."""

import asyncio
import hashlib
import io
import os
import subprocess
import zipfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from uuid import uuid4

import httpx
import pytest

from libs.blobs import open_store
from libs.chassis.database import Database
from tests.journeys.test_bad_input_over_http import code_of
from tests.platform import Platform
from tests.waiting import eventually

DbOf = Callable[[str], Awaitable[Database]]


async def fetched(http: httpx.AsyncClient, files: str, **query: str) -> zipfile.ZipFile:
    answer = await http.get(files.replace("/files", "/archive"), params=query)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/zip"
    return zipfile.ZipFile(io.BytesIO(answer.content))


async def test_a_prefix_comes_as_one_archive(http: httpx.AsyncClient, files: str) -> None:
    bodies = {
        "a/1.txt": f"text {uuid4()} ".encode() * 1000,
        "a/b/2.png": os.urandom(3_000_000),
        "a/b/ü.bin": os.urandom(600_000),
        "a/empty": b"",
    }
    for path, body in bodies.items():
        await http.put(f"{files}/{path}", content=body)
    await http.put(f"{files}/c", content=uuid4().bytes)

    archive = await fetched(http, files, prefix="a/")

    assert archive.testzip() is None
    found = {f"a/{name}": archive.read(name) for name in archive.namelist()}
    assert found == bodies
    listed = (await http.get(files, params={"prefix": "a/1.txt"})).json()["items"][0]
    modified = archive.getinfo("1.txt").date_time
    assert listed["modified_at"].startswith("{:04}-{:02}-{:02}T{:02}:{:02}".format(*modified))


async def test_more_than_a_page_of_files_passes_unzip(
    http: httpx.AsyncClient, files: str, tmp_path: Path
) -> None:
    body = f"content {uuid4()} ".encode() * 20
    await http.put(f"{files}/first", content=body)
    sha256 = hashlib.sha256(body).hexdigest()
    puts = [
        {"op": "put", "path": f"many/{number // 100}/{number}.txt", "sha256": sha256}
        for number in range(1500)
    ]
    changed = await http.post(files.replace("/files", "/changes"), json={"changes": puts})
    assert changed.status_code == 200, changed.text

    answer = await http.get(files.replace("/files", "/archive"), params={"prefix": "many/"})

    to = tmp_path / "many.zip"
    to.write_bytes(answer.content)
    tested = await asyncio.to_thread(
        subprocess.run, ["unzip", "-tq", str(to)], capture_output=True, check=False
    )
    assert tested.returncode == 0, tested.stdout
    with zipfile.ZipFile(to) as archive:
        assert len(archive.namelist()) == 1500
        assert archive.read("7/777.txt") == body


async def test_an_archive_of_a_commit_has_what_was_then(
    http: httpx.AsyncClient, files: str
) -> None:
    before, after = uuid4().bytes, uuid4().bytes
    await http.put(f"{files}/a", content=before)
    commits = files.replace("/files", "/commits")

    async def recorded() -> bool:
        return bool((await http.get(commits)).json()["items"])

    await eventually(recorded)
    commit = (await http.get(commits)).json()["items"][0]["commit_id"]
    await http.put(f"{files}/a", content=after)

    then = await fetched(http, files, ref=commit)
    now = await fetched(http, files)

    assert (then.read("a"), now.read("a")) == (before, after)


async def test_a_damaged_file_cuts_the_connection(
    platform: Platform,
    http: httpx.AsyncClient,
    files: str,
    db_of: Callable[[str], Awaitable[Database]],
) -> None:
    await http.put(f"{files}/a", content=uuid4().bytes * 100_000)
    body = os.urandom(2_000_000)
    await http.put(f"{files}/b", content=body)
    key = await _key_of(await db_of("storage"), body)
    async with open_store(platform.store_url) as store:
        await store.put(key, body[:-1] + bytes([body[-1] ^ 1]))

    with pytest.raises(httpx.RemoteProtocolError):
        await http.get(files.replace("/files", "/archive"))


async def _key_of(db: Database, body: bytes) -> str:
    async with db.connection() as conn:
        key: str = await conn.fetchval(
            "SELECT key FROM blob WHERE sha256 = $1", hashlib.sha256(body).digest()
        )
    return key


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ({"prefix": "nothing/"}, 404, "not-found"),
        ({"prefix": "a\x00"}, 400, None),
        ({"prefix": "\ufffe%_"}, 404, "not-found"),
        ({"format": "tar"}, 400, "invalid-input"),
        ({"prefix": "a" * 1025}, 400, "invalid-input"),
        ({"ref": "no-such-branch"}, 404, None),
    ],
    ids=["nothing", "nul", "odd", "other-format", "long-prefix", "no-ref"],
)
async def test_what_cannot_be_archived_is_told(
    http: httpx.AsyncClient, files: str, query: dict[str, str], status: int, code: str | None
) -> None:
    await http.put(f"{files}/a", content=uuid4().bytes)

    answer = await http.get(files.replace("/files", "/archive"), params=query)

    assert answer.status_code == status
    assert code_of(answer) == (code or code_of(answer))


async def test_who_goes_away_stops_the_archive(http: httpx.AsyncClient, files: str) -> None:
    for number in range(4):
        await http.put(f"{files}/{number}", content=os.urandom(8_000_000))

    for _ in range(12):
        async with http.stream("GET", files.replace("/files", "/archive")) as answer:
            async for _ in answer.aiter_bytes():
                break

    assert (await fetched(http, files)).testzip() is None
