"""Files go in and come out, over HTTP."""

import asyncio
import base64
import hashlib
from collections.abc import AsyncIterator
from urllib.parse import quote

import httpx
import pytest

from tests.journeys.wire import exchange
from tests.platform import Platform

MIB = 1024 * 1024


def sha256(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


def repr_digest(body: bytes) -> str:
    return f"sha-256=:{base64.b64encode(hashlib.sha256(body).digest()).decode()}:"


async def test_what_was_put_comes_back_with_its_etag_type_and_digest(
    http: httpx.AsyncClient, files: str
) -> None:
    body = b"hello, strongroom"

    put = await http.put(
        f"{files}/a/hello.txt", content=body, headers={"Content-Type": "text/plain"}
    )
    got = await http.get(f"{files}/a/hello.txt")

    assert put.status_code == 201, put.text
    assert put.headers["etag"] == got.headers["etag"] == f'"{sha256(body)}"'
    assert put.headers["location"] == f"{files}/a/hello.txt"
    assert put.json()["size"] == len(body)
    assert got.content == body
    assert got.headers["content-type"] == "text/plain"
    assert got.headers["repr-digest"] == repr_digest(body)
    assert got.headers["accept-ranges"] == "bytes"
    assert got.headers["strongroom-version"] == "1"
    assert got.headers["last-modified"].endswith("GMT")


async def test_a_second_put_replaces_the_first(http: httpx.AsyncClient, files: str) -> None:
    first = await http.put(f"{files}/a", content=b"one")
    second = await http.put(f"{files}/a", content=b"two")

    assert (first.status_code, second.status_code) == (201, 200)
    assert second.json()["revision"] == 2
    assert (await http.get(f"{files}/a")).content == b"two"


async def test_an_empty_file_is_a_file(http: httpx.AsyncClient, files: str) -> None:
    put = await http.put(f"{files}/empty", content=b"")
    got = await http.get(f"{files}/empty")

    assert put.status_code == 201
    assert got.status_code == 200
    assert got.content == b""
    assert got.headers["etag"] == f'"{sha256(b"")}"'


@pytest.mark.parametrize("size", [65_536, 65_537, MIB, 5 * MIB + 1, 17 * MIB])
async def test_bodies_of_every_size_come_back_equal(
    http: httpx.AsyncClient, files: str, size: int
) -> None:
    body = (b"0123456789abcdef" * (size // 16 + 1))[:size]

    put = await http.put(f"{files}/big", content=body)
    got = await http.get(f"{files}/big")

    assert put.status_code == 201, put.text
    assert put.json()["sha256"] == sha256(body)
    assert got.content == body


@pytest.mark.parametrize("size", [0, 10, 3 * MIB])
async def test_a_chunked_body_is_as_good_as_a_measured_one(
    http: httpx.AsyncClient, files: str, size: int
) -> None:
    body = bytes(size)

    async def pieces() -> AsyncIterator[bytes]:
        for at in range(0, size, 70_000):
            yield body[at : at + 70_000]

    put = await http.put(f"{files}/chunked", content=pieces())

    assert put.status_code == 201, put.text
    assert put.json()["size"] == size
    assert (await http.get(f"{files}/chunked")).content == body


async def test_head_tells_what_get_would(http: httpx.AsyncClient, files: str) -> None:
    await http.put(f"{files}/a", content=b"hello")

    looked = await http.head(f"{files}/a")
    got = await http.get(f"{files}/a")

    assert looked.status_code == 200
    assert looked.content == b""
    changing = {"date", "x-request-id"}
    assert {k: v for k, v in looked.headers.items() if k not in changing} == {
        k: v for k, v in got.headers.items() if k not in changing
    }


@pytest.mark.parametrize(
    ("asked", "start", "end"),
    [("bytes=0-4", 0, 5), ("bytes=5-", 5, 3 * MIB), ("bytes=-7", 3 * MIB - 7, 3 * MIB)],
)
async def test_a_range_is_that_part(
    http: httpx.AsyncClient, files: str, asked: str, start: int, end: int
) -> None:
    body = b"".join(b"%08d" % number for number in range(3 * MIB // 8))
    await http.put(f"{files}/a", content=body)

    got = await http.get(f"{files}/a", headers={"Range": asked})

    assert got.status_code == 206
    assert got.content == body[start:end]
    assert got.headers["content-range"] == f"bytes {start}-{end - 1}/{len(body)}"
    assert got.headers["repr-digest"] == repr_digest(body)


async def test_a_range_of_another_state_is_the_whole_file(
    http: httpx.AsyncClient, files: str
) -> None:
    etag = (await http.put(f"{files}/a", content=b"first state")).headers["etag"]
    same = await http.get(f"{files}/a", headers={"Range": "bytes=0-1", "If-Range": etag})
    await http.put(f"{files}/a", content=b"other state")
    other = await http.get(f"{files}/a", headers={"Range": "bytes=0-1", "If-Range": etag})

    assert (same.status_code, same.content) == (206, b"fi")
    assert (other.status_code, other.content) == (200, b"other state")


async def test_an_unchanged_file_is_not_sent_again(http: httpx.AsyncClient, files: str) -> None:
    put = await http.put(f"{files}/a", content=b"hello")
    modified = (await http.get(f"{files}/a")).headers["last-modified"]

    by_tag = await http.get(f"{files}/a", headers={"If-None-Match": put.headers["etag"]})
    by_date = await http.get(f"{files}/a", headers={"If-Modified-Since": modified})
    looked = await http.head(f"{files}/a", headers={"If-None-Match": put.headers["etag"]})

    for answer in (by_tag, by_date, looked):
        assert answer.status_code == 304
        assert answer.content == b""
        assert answer.headers["etag"] == put.headers["etag"]


async def test_writes_happen_only_as_expected(http: httpx.AsyncClient, files: str) -> None:
    new = await http.put(f"{files}/a", content=b"1", headers={"If-None-Match": "*"})
    again = await http.put(f"{files}/a", content=b"2", headers={"If-None-Match": "*"})
    stale = await http.put(f"{files}/a", content=b"2", headers={"If-Match": f'"{"0" * 64}"'})
    right = await http.put(f"{files}/a", content=b"2", headers={"If-Match": new.headers["etag"]})
    gone = await http.delete(f"{files}/a", headers={"If-Match": new.headers["etag"]})

    assert [answer.status_code for answer in (new, again, stale, right, gone)] == [
        201,
        412,
        412,
        200,
        412,
    ]
    assert (await http.get(f"{files}/a")).content == b"2"


async def test_of_many_who_create_one_file_one_wins(http: httpx.AsyncClient, files: str) -> None:
    answers = await asyncio.gather(
        *(
            http.put(f"{files}/race", content=b"%d" % number, headers={"If-None-Match": "*"})
            for number in range(10)
        )
    )

    assert sorted(answer.status_code for answer in answers) == [201] + [412] * 9


async def test_a_deleted_file_is_gone(http: httpx.AsyncClient, files: str) -> None:
    await http.put(f"{files}/a", content=b"x")

    deleted = await http.delete(f"{files}/a")

    assert deleted.status_code == 204
    for answer in (
        await http.get(f"{files}/a"),
        await http.head(f"{files}/a"),
        await http.delete(f"{files}/a"),
    ):
        assert answer.status_code == 404


async def test_metadata_tags_and_type_come_back_and_change_without_the_bytes(
    http: httpx.AsyncClient, files: str
) -> None:
    await http.put(
        f"{files}/a",
        content=b"x",
        headers={
            "Content-Type": "text/plain; charset=utf-8",
            "Strongroom-Meta-Author": quote("Jürgen"),
            "Strongroom-Tags": "stage=draft",
        },
    )
    before = await http.get(f"{files}/a")
    patched = await http.patch(f"{files}/a", json={"tags": {"stage": "final"}})
    after = await http.get(f"{files}/a")

    assert before.headers["strongroom-meta-author"] == quote("Jürgen")
    assert before.headers["strongroom-tags"] == "stage=draft"
    assert patched.status_code == 200, patched.text
    assert patched.json()["metadata"] == {"author": "Jürgen"}
    assert after.headers["strongroom-tags"] == "stage=final"
    assert after.headers["content-type"] == "text/plain; charset=utf-8"
    assert after.headers["etag"] == before.headers["etag"]


@pytest.mark.parametrize("name", ["ä ö.txt", "100%.txt", "a+b=c&d", "日本/語", "#?", "'quote'"])
async def test_names_of_all_kinds_survive_the_url(
    http: httpx.AsyncClient, files: str, name: str
) -> None:
    url = f"{files}/{quote(name)}"

    put = await http.put(url, content=name.encode())

    assert put.status_code == 201, put.text
    assert put.json()["path"] == name
    assert put.headers["location"] == url
    assert (await http.get(url)).content == name.encode()


async def test_an_encoded_slash_is_a_slash(
    platform: Platform, http: httpx.AsyncClient, files: str
) -> None:
    await http.put(f"{files}/a/b", content=b"x")

    got = await exchange(platform, "GET", f"{files}/a%2Fb")

    assert (got.status, got.body) == (200, b"x")


@pytest.mark.parametrize(
    ("path", "content_type"),
    [("a.png", "text/html"), ("a.svg", "image/svg+xml"), ("a.js", "text/javascript")],
)
async def test_what_could_run_in_a_browser_is_only_ever_downloaded(
    http: httpx.AsyncClient, files: str, path: str, content_type: str
) -> None:
    body = b"<script>alert(1)</script>"
    await http.put(f"{files}/{path}", content=body, headers={"Content-Type": content_type})

    got = await http.get(f"{files}/{path}")

    assert got.headers["content-disposition"].startswith("attachment;")
    assert got.headers["x-content-type-options"] == "nosniff"
    assert got.headers["content-security-policy"].startswith("sandbox")


async def test_a_folder_is_listed_by_its_delimiter_page_by_page(
    http: httpx.AsyncClient, files: str
) -> None:
    for path in ("a", "dir/1", "dir/2", "dir/sub/3", "z"):
        await http.put(f"{files}/{path}", content=b"x")

    found: list[str] = []
    cursor: str | None = None
    while True:
        query = {"delimiter": "/", "limit": "1"} | ({"cursor": cursor} if cursor else {})
        page = (await http.get(files, params=query)).json()
        found += [item["path"] for item in page["items"]] + page["prefixes"]
        cursor = page["next"]
        if cursor is None:
            break
    below = (await http.get(files, params={"prefix": "dir/"})).json()

    assert found == ["a", "dir/", "z"]
    assert [item["path"] for item in below["items"]] == ["dir/1", "dir/2", "dir/sub/3"]
    assert below["next"] is None


async def test_many_changes_happen_together_or_not_at_all(
    http: httpx.AsyncClient, bucket: str, files: str
) -> None:
    url = f"/api/v1/buckets/{bucket}/changes"
    etag = (await http.put(f"{files}/a", content=b"a")).headers["etag"]
    await http.put(f"{files}/b", content=b"b")

    refused = await http.post(
        url,
        json={
            "changes": [{"op": "delete", "path": "a"}, {"op": "copy", "source": "no", "path": "c"}]
        },
    )
    applied = await http.post(
        url,
        json={
            "changes": [
                {"op": "move", "source": "a", "path": "moved"},
                {"op": "copy", "source": "b", "path": "copied"},
                {"op": "delete", "path": "b"},
            ],
            "message": "tidy up",
            "expect": {"a": etag, "moved": None},
        },
    )

    assert refused.status_code == 404, refused.text
    assert applied.status_code == 200, applied.text
    listed = (await http.get(files)).json()["items"]
    assert [item["path"] for item in listed] == ["copied", "moved"]
    assert (await http.get(f"{files}/moved")).content == b"a"
