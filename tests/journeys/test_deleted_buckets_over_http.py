"""A deleted bucket comes back over HTTP, for its owner and for nobody else."""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import httpx

from libs.contracts.ids import new_id
from tests.builders import a_bucket_name
from tests.journeys.callers import CallerWith, give, principal_of
from tests.journeys.test_bad_input_over_http import code_of
from tests.waiting import eventually

API = "/api/v1/buckets"
DELETED = "/api/v1/deleted-buckets"
Json = dict[str, Any]


async def a_bucket(http: httpx.AsyncClient, **settings: object) -> str:
    name = a_bucket_name("deleted")
    answer = await http.post(API, json={"name": name, **settings})
    assert answer.status_code == 201, answer.text
    return name


async def find_deleted(http: httpx.AsyncClient, name: str) -> Json | None:
    answer = await http.get(DELETED)
    assert answer.status_code == 200, answer.text
    items: list[Json] = answer.json()["items"]
    return next((one for one in items if one["name"] == name), None)


async def delete_with_files(http: httpx.AsyncClient, name: str) -> Json:
    answer = await http.delete(f"{API}/{name}", params={"force": True})
    assert answer.status_code == 202, answer.text
    return await eventually(lambda: find_deleted(http, name), timeout_s=30)


def restore_of(http: httpx.AsyncClient) -> Callable[[Json], Any]:
    return lambda gone: http.post(f"{DELETED}/{gone['bucket_id']}/restore")


async def test_a_deleted_bucket_comes_back_with_all_its_files(http: httpx.AsyncClient) -> None:
    name = await a_bucket(http, compression="zstd")
    old, new, other = (new_id().bytes for _ in range(3))
    await http.put(f"{API}/{name}/files/a", content=old)
    await http.put(f"{API}/{name}/files/a", content=new)
    await http.put(f"{API}/{name}/files/b/c", content=other, headers={"Strongroom-Tags": "k=v"})
    gone = await delete_with_files(http, name)
    missing = await http.get(f"{API}/{name}/files/a")

    answer = await restore_of(http)(gone)
    again = await restore_of(http)(gone)

    assert missing.status_code == 404
    assert answer.status_code == 200, answer.text
    back = answer.json()
    assert (back["files"], back["bucket"]["name"], back["bucket"]["compression"]) == (
        2,
        name,
        "zstd",
    )
    assert (again.status_code, again.json()["files"]) == (200, 0)
    assert (await http.get(f"{API}/{name}/files/a")).content == new
    assert (await http.get(f"{API}/{name}/files/a?version=1")).content == old
    restored = await http.get(f"{API}/{name}/files/b/c")
    assert (restored.content, restored.headers["strongroom-tags"]) == (other, "k=v")
    (newest, *_) = (await http.get(f"{API}/{name}/commits")).json()["items"]
    assert newest["commit_id"] == back["commit_id"]
    assert await find_deleted(http, name) is None


async def test_only_an_owner_brings_a_bucket_back(
    http: httpx.AsyncClient, caller: CallerWith
) -> None:
    owner, writer, stranger = await caller(), await caller(), await caller()
    name = await a_bucket(owner)
    await give(owner, name, principal_of(writer), "writer")
    await owner.put(f"{API}/{name}/files/a", content=new_id().bytes)
    gone = await delete_with_files(owner, name)

    for other in (writer, stranger):
        assert await find_deleted(other, name) is None
        refused = await restore_of(other)(gone)
        assert (refused.status_code, code_of(refused)) == (404, "deleted-bucket-not-found")
    back = await restore_of(owner)(gone)

    assert (back.status_code, back.json()["files"]) == (200, 1)
    assert (await writer.get(f"{API}/{name}/files/a")).status_code == 200


async def test_a_taken_name_is_not_taken_away(http: httpx.AsyncClient) -> None:
    name = await a_bucket(http)
    gone = await delete_with_files(http, name)
    await http.post(API, json={"name": name})

    answer = await restore_of(http)(gone)

    assert (answer.status_code, code_of(answer)) == (409, "bucket-exists")


async def test_a_bucket_without_versions_says_that_its_files_are_gone(
    http: httpx.AsyncClient,
) -> None:
    name = await a_bucket(http, versioning="off")
    await http.put(f"{API}/{name}/files/a", content=new_id().bytes)
    gone = await delete_with_files(http, name)

    answer = await restore_of(http)(gone)

    assert answer.status_code == 200, answer.text
    assert answer.json()["files"] == 0
    assert "no versions" in answer.json()["detail"]


async def test_a_bucket_that_never_had_files_comes_back_empty(http: httpx.AsyncClient) -> None:
    name = await a_bucket(http)
    gone = await delete_with_files(http, name)

    answer = await restore_of(http)(gone)

    assert answer.status_code == 200, answer.text
    assert (answer.json()["files"], answer.json()["commit_id"]) == (0, None)


async def test_a_bucket_that_was_never_there_does_not_come_back(http: httpx.AsyncClient) -> None:
    answer = await restore_of(http)({"bucket_id": uuid4()})

    assert (answer.status_code, code_of(answer)) == (404, "deleted-bucket-not-found")


async def test_a_protected_bucket_comes_back_protected(http: httpx.AsyncClient) -> None:
    name = await a_bucket(http)
    await http.put(f"{API}/{name}/files/a", content=new_id().bytes)
    protected = await http.patch(f"{API}/{name}/branches/main", json={"protected": True})
    assert protected.status_code == 200, protected.text
    gone = await delete_with_files(http, name)

    answer = await restore_of(http)(gone)

    assert (answer.status_code, answer.json()["files"]) == (200, 1)
    refused = await http.put(f"{API}/{name}/files/a", content=new_id().bytes)
    assert (refused.status_code, code_of(refused)) == (409, "branch-protected")
