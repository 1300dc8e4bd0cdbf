"""Folders that move and tags that are looked for, over HTTP."""

import asyncio
from contextlib import aclosing
from typing import Any

import httpx
import pytest

from libs.client import Client
from libs.contracts.storage import FilesChanged
from tests.platform import Platform


async def change(http: httpx.AsyncClient, files: str, *changes: object) -> httpx.Response:
    address = f"{files.removesuffix('/files')}/changes"
    return await http.post(address, json={"changes": changes})


async def put(http: httpx.AsyncClient, address: str, body: bytes, tags: str = "") -> None:
    stored = await http.put(address, content=body, headers={"Strongroom-Tags": tags})
    assert stored.status_code == 201, stored.text


async def listed(http: httpx.AsyncClient, files: str, **params: Any) -> list[str]:
    """Return what all pages show, two entries a page."""
    found: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        page = await http.get(files, params={"limit": 2, **params, **cursor})
        assert page.status_code == 200, page.text
        found += [*page.json()["prefixes"], *(file["path"] for file in page.json()["items"])]
        if page.json()["next"] is None:
            return sorted(found)
        cursor = {"cursor": page.json()["next"]}


async def test_a_folder_is_moved_copied_and_deleted(http: httpx.AsyncClient, files: str) -> None:
    for name in ("a/1", "a/deep/2", "b"):
        await put(http, f"{files}/{name}", files.encode() + name.encode())

    moved = await change(
        http, files, {"op": "move_prefix", "source_prefix": "a/", "prefix": "moved/"}
    )
    copied = await change(
        http, files, {"op": "copy_prefix", "source_prefix": "moved/deep/", "prefix": ""}
    )
    deleted = await change(http, files, {"op": "delete_prefix", "prefix": "moved/"})

    assert [answer.json()["files"] for answer in (moved, copied, deleted)] == [2, 1, 2]
    assert await listed(http, files) == ["2", "b"]
    assert (await http.get(f"{files}/2")).content == files.encode() + b"a/deep/2"


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"op": "move_prefix", "source_prefix": "a/", "prefix": "a/b/"}, 400, "invalid-prefix"),
        ({"op": "move_prefix", "source_prefix": "a", "prefix": "b/"}, 400, "invalid-prefix"),
        ({"op": "delete_prefix", "prefix": "none/"}, 404, "prefix-not-found"),
        ({"op": "copy_prefix", "source_prefix": "a/", "prefix": "b/"}, 409, "file-exists"),
        ({"op": "delete_prefix", "prefix": "../"}, 400, "invalid-path"),
        ({"op": "delete_prefix", "prefix": "x" * 1025}, 400, "invalid-input"),
        ({"op": "delete_prefix", "prefix": "a/", "path": "b"}, 400, "invalid-input"),
        ({"op": "move_prefix", "prefix": "b/"}, 400, "invalid-input"),
    ],
    ids=["inside", "no-folder", "empty", "taken", "climbing", "long", "unknown-field", "no-source"],
)
async def test_a_folder_that_cannot_be_changed_is_refused_by_name(
    http: httpx.AsyncClient, files: str, body: dict[str, object], status: int, code: str
) -> None:
    for name in ("a/1", "b/1"):
        await put(http, f"{files}/{name}", files.encode() + name.encode())

    refused = await change(http, files, body)

    assert (refused.status_code, refused.json()["type"].rpartition(":")[2]) == (status, code)
    assert await listed(http, files) == ["a/1", "b/1"]


async def test_files_are_listed_by_their_tags(http: httpx.AsyncClient, files: str) -> None:
    for name in ("a/1", "a/2", "b/3", "c"):
        await put(http, f"{files}/{name}", name.encode(), "kind=photo&by=a%3Db")
    await put(http, f"{files}/a/4", b"4", "kind=letter")

    assert await listed(http, files, tag="kind=photo") == ["a/1", "a/2", "b/3", "c"]
    assert await listed(http, files, tag="kind=photo", delimiter="/") == ["a/", "b/", "c"]
    assert await listed(http, files, tag="kind=letter", prefix="a/") == ["a/4"]
    assert await listed(http, files, tag=["kind=photo", "by=a=b"], prefix="b/") == ["b/3"]
    assert await listed(http, files, tag=["kind=letter", "by=a=b"]) == []


@pytest.mark.parametrize(
    "params",
    [
        {"tag": "kind"},
        {"tag": "=x"},
        {"tag": ["a=1", "a=2"]},
        {"tag": "a=b", "ref": "main"},
        {"tag": [f"{number}=1" for number in range(11)]},
    ],
    ids=["no-value", "no-key", "two-values", "at-a-ref", "too-many"],
)
async def test_tags_that_cannot_be_looked_for_are_refused(
    http: httpx.AsyncClient, files: str, params: dict[str, Any]
) -> None:
    refused = await http.get(files, params=params)
    assert refused.status_code == 400, refused.text


async def test_a_cursor_is_good_for_its_tags_only(http: httpx.AsyncClient, files: str) -> None:
    for name in ("1", "2"):
        await put(http, f"{files}/{name}", name.encode(), "kind=photo")
    page = await http.get(files, params={"limit": 1, "tag": "kind=photo"})

    refused = await http.get(files, params={"limit": 1, "cursor": page.json()["next"]})

    assert refused.status_code == 400


async def test_whoever_watches_hears_of_many_files_by_the_first_of_them(
    http: httpx.AsyncClient, files: str, platform: Platform
) -> None:
    await put(http, f"{files}/seed", files.encode())
    copies = [{"op": "copy", "source": "seed", "path": f"a/{number:03}"} for number in range(150)]
    made = await change(http, files, *copies)
    assert made.status_code == 200, made.text
    bucket = files.split("/")[-2]

    async with Client(platform.url, platform.admin_key) as client:
        hearing = asyncio.create_task(_first_move(client, bucket))
        here, there = "a/", "b/"
        while not hearing.done():  # whatever was moved before the topic was open is not heard
            await change(http, files, {"op": "move_prefix", "source_prefix": here, "prefix": there})
            here, there = there, here
        told = await hearing

    assert told.files == 150
    assert [file.path[2:] for file in told.changed] == [f"{number:03}" for number in range(20)]
    assert told.changed[0].source is not None


async def _first_move(client: Client, bucket: str) -> FilesChanged:
    async with aclosing(client.live.bucket(bucket)) as watching, asyncio.timeout(20.0):
        async for event in watching:
            if isinstance(event, FilesChanged) and event.operation == "move":
                return event
    raise LookupError("the topic ended")
