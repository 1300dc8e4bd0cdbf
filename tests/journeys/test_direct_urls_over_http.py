"""Bytes that go straight to the object store become a file only when they are proven."""

import hashlib
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any
from uuid import uuid4

import httpx
import pytest

from libs.blobs import open_store
from libs.chassis.database import Database
from libs.contracts.ids import new_id
from tests.builders import a_bucket_name
from tests.journeys.test_bad_input_over_http import code_of, paths_in
from tests.platform import Platform

Json = dict[str, Any]


@pytest.fixture
async def anybody() -> AsyncIterator[httpx.AsyncClient]:
    """Somebody without a key, who reaches the object store."""
    async with httpx.AsyncClient(timeout=30.0, trust_env=False) as client:
        yield client


async def begun(http: httpx.AsyncClient, files: str, **wish: Any) -> Json:
    links = files.replace("/files", "/signed-urls")
    wish = {"method": "PUT", "path": "a", "direct": True} | wish
    answer = await http.post(links, json=wish)
    assert answer.status_code == 201, answer.text
    found: Json = answer.json()
    return found


def sha256_of(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


@pytest.mark.parametrize("size", [0, 1000, 7_000_000])
async def test_what_is_put_into_the_store_becomes_the_file(
    http: httpx.AsyncClient, files: str, anybody: httpx.AsyncClient, size: int
) -> None:
    body = os.urandom(size)
    upload = await begun(http, files, content_type="text/x-log", content_length=size)

    put = await anybody.put(upload["url"], content=body)
    before = await paths_in(http, files)
    done = await http.post(upload["complete"], json={"sha256": sha256_of(body)})

    assert put.status_code == 200, put.text
    assert before == []
    assert (done.status_code, done.json()["sha256"]) == (201, sha256_of(body))
    got = await http.get(f"{files}/a")
    assert (got.content, got.headers["content-type"]) == (body, "text/x-log")


async def test_completing_twice_makes_one_version(
    http: httpx.AsyncClient, files: str, anybody: httpx.AsyncClient
) -> None:
    upload = await begun(http, files)
    await anybody.put(upload["url"], content=uuid4().bytes)

    first = await http.post(upload["complete"], json={})
    again = await http.post(upload["complete"], json={})

    assert first.json() == again.json()
    assert (first.json()["revision"], again.status_code) == (1, 201)


async def test_a_second_put_to_the_url_changes_no_file(
    http: httpx.AsyncClient, files: str, anybody: httpx.AsyncClient
) -> None:
    body = os.urandom(200_000)
    upload = await begun(http, files)
    await anybody.put(upload["url"], content=body)
    await http.post(upload["complete"], json={})

    late = await anybody.put(upload["url"], content=os.urandom(200_000))
    await http.post(upload["complete"], json={})

    assert late.status_code == 200
    assert (await http.get(f"{files}/a")).content == body


@pytest.mark.parametrize(
    ("wish", "said", "status", "code"),
    [
        ({"content_length": 1001}, {}, 400, "body-incomplete"),
        ({"max_length": 999}, {}, 413, "body-too-large"),
        ({}, {"sha256": "0" * 64}, 422, "digest-mismatch"),
    ],
    ids=["other-length", "too-long", "other-digest"],
)
async def test_what_does_not_prove_itself_never_appears_and_may_be_put_again(
    http: httpx.AsyncClient,
    files: str,
    anybody: httpx.AsyncClient,
    wish: Json,
    said: Json,
    status: int,
    code: str,
) -> None:
    upload = await begun(http, files, **wish)
    await anybody.put(upload["url"], content=os.urandom(1000))

    refused = await http.post(upload["complete"], json=said)
    none = await paths_in(http, files)
    right = os.urandom(wish.get("content_length") or wish.get("max_length") or 10)
    await anybody.put(upload["url"], content=right)
    done = await http.post(upload["complete"], json={"sha256": sha256_of(right)})

    assert (refused.status_code, code_of(refused)) == (status, code)
    assert none == []
    assert done.status_code == 201, done.text
    assert (await http.get(f"{files}/a")).content == right


async def test_nothing_put_is_nothing_to_complete(http: httpx.AsyncClient, files: str) -> None:
    upload = await begun(http, files)

    answer = await http.post(upload["complete"], json={})

    assert (answer.status_code, code_of(answer)) == (409, "draft-missing")


async def test_a_store_url_is_good_for_its_key_and_method_only(
    http: httpx.AsyncClient, files: str, anybody: httpx.AsyncClient
) -> None:
    upload = await begun(http, files)
    await anybody.put(upload["url"], content=uuid4().bytes)

    assert (await anybody.get(upload["url"])).status_code == 403
    assert (await anybody.delete(upload["url"])).status_code == 403


async def test_another_caller_or_bucket_finds_no_such_upload(
    platform: Platform, http: httpx.AsyncClient, files: str, anybody: httpx.AsyncClient
) -> None:
    upload = await begun(http, files)
    await anybody.put(upload["url"], content=uuid4().bytes)
    other = a_bucket_name("other")
    await http.post("/api/v1/buckets", json={"name": other})
    bucket = files.split("/")[4]
    made = (await http.post("/api/v1/api-keys", json={"name": "x", "scopes": ["write"]})).json()
    await http.put(
        f"/api/v1/buckets/{bucket}/grants",
        json={"principal": f"key:{made['key_id']}", "role": "writer"},
    )
    headers = {"Authorization": f"Bearer {made['key']}"}

    elsewhere = await http.post(upload["complete"].replace(bucket, other), json={})
    not_mine = await http.post(upload["complete"], json={}, headers=headers)
    unknown = await http.post(
        upload["complete"].replace(upload["id"], str(new_id())), json={}, headers=headers
    )

    assert [answer.status_code for answer in (elsewhere, not_mine, unknown)] == [404, 404, 404]
    assert code_of(not_mine) == code_of(unknown)


async def test_an_upload_that_is_given_up_leaves_nothing(
    platform: Platform,
    http: httpx.AsyncClient,
    files: str,
    anybody: httpx.AsyncClient,
    db_of: Callable[[str], Awaitable[Database]],
) -> None:
    upload = await begun(http, files)
    await anybody.put(upload["url"], content=os.urandom(1000))
    async with (await db_of("storage")).connection() as conn:
        key = await conn.fetchval(
            "SELECT key FROM direct_upload WHERE session_id = $1", upload["id"]
        )

    ended = await http.delete(upload["complete"].removesuffix("/completions"))

    completed = await http.post(upload["complete"], json={})
    async with (await db_of("storage")).connection() as conn:
        doomed = await conn.fetchval(
            "SELECT EXISTS (SELECT FROM doomed_object WHERE key = $1)", key
        )
    async with open_store(platform.store_url) as store:
        swept = key not in [found.key async for found in store.list("drafts")]
    assert (ended.status_code, completed.status_code) == (204, 404)
    assert doomed or swept


async def test_a_large_plain_file_is_read_from_the_store_itself(
    http: httpx.AsyncClient, files: str, anybody: httpx.AsyncClient
) -> None:
    body = os.urandom(1_000_000)
    await http.put(f"{files}/a", content=body)

    link = await begun(http, files, method="GET", expires_s=3600)

    assert (await anybody.get(link["url"])).content == body
    assert link["direct"]
    assert "/api/v1/" not in link["url"]
    assert "X-Amz-Expires=60" in link["url"]


async def test_what_does_not_lie_alone_or_as_it_is_gets_a_link_of_the_gateway(
    http: httpx.AsyncClient, files: str, anybody: httpx.AsyncClient
) -> None:
    bucket = files.split("/")[4]
    text = f"text {uuid4()} ".encode() * 50_000
    await http.patch(f"/api/v1/buckets/{bucket}", json={"compression": "zstd"})
    await http.put(f"{files}/a", content=text, headers={"Content-Type": "text/plain"})
    links = files.replace("/files", "/signed-urls")
    wish = {"method": "GET", "path": "a"}

    refused = await http.post(links, json=wish | {"direct": True})
    instead = await http.post(links, json=wish | {"direct": "prefer"})

    assert (refused.status_code, code_of(refused)) == (409, "direct-not-possible")
    assert not instead.json()["direct"]
    got = await anybody.get(instead.json()["url"], headers={"Accept-Encoding": "identity"})
    assert got.content == text


async def test_a_draft_is_stored_as_its_bucket_wants_it(
    http: httpx.AsyncClient,
    files: str,
    anybody: httpx.AsyncClient,
    db_of: Callable[[str], Awaitable[Database]],
) -> None:
    bucket = files.split("/")[4]
    await http.patch(f"/api/v1/buckets/{bucket}", json={"compression": "zstd"})
    text = f"text {uuid4()} ".encode() * 50_000
    upload = await begun(http, files, content_type="text/plain")
    await anybody.put(upload["url"], content=text)

    await http.post(upload["complete"], json={})

    async with (await db_of("storage")).connection() as conn:
        codec = await conn.fetchval(
            "SELECT codec FROM blob WHERE sha256 = $1", hashlib.sha256(text).digest()
        )
    assert codec == "zstd"
    got = await http.get(f"{files}/a", headers={"Accept-Encoding": "identity"})
    assert got.content == text
