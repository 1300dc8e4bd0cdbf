"""Content without a file: put over HTTP, named by its digest, refused where it must not come in."""

import hashlib
import os
from base64 import b64encode

import httpx
import pytest

from libs.contracts.ids import new_id
from tests.builders import a_bucket_name
from tests.journeys.callers import CallerWith, give, principal_of
from tests.journeys.test_bad_input_over_http import code_of

API = "/api/v1/buckets"


@pytest.mark.parametrize("size", [0, 100, 3_000_000], ids=["empty", "small", "large"])
async def test_content_is_stored_without_a_file(
    http: httpx.AsyncClient, bucket: str, size: int
) -> None:
    body = os.urandom(size)

    answer = await http.post(
        f"{API}/{bucket}/contents", content=body, headers={"Content-Type": "text/plain"}
    )
    files = (await http.get(f"{API}/{bucket}/files")).json()
    change = {"op": "put", "path": "a", "sha256": hashlib.sha256(body).hexdigest()}
    named = await http.post(f"{API}/{bucket}/changes", json={"changes": [change]})

    assert answer.status_code == 201, answer.text
    assert answer.json() == {
        "sha256": hashlib.sha256(body).hexdigest(),
        "size": size,
        "content_type": "text/plain",
        "held_until": answer.json()["held_until"],
    }
    assert files["items"] == []
    assert named.status_code == 200, named.text
    assert (await http.get(f"{API}/{bucket}/files/a")).content == body


async def test_the_same_content_again_is_held_as_before(
    http: httpx.AsyncClient, bucket: str
) -> None:
    body = new_id().bytes
    first = await http.post(f"{API}/{bucket}/contents", content=body)

    again = await http.post(f"{API}/{bucket}/contents", content=body)

    assert again.status_code == 201
    assert again.json()["held_until"] >= first.json()["held_until"]
    usage = (await http.get(f"{API}/{bucket}/usage")).json()
    assert usage["held"] == {"number": 1, "bytes": 16}


async def test_content_that_changed_on_its_way_is_refused(
    http: httpx.AsyncClient, bucket: str
) -> None:
    digest = b64encode(hashlib.sha256(b"other").digest()).decode()

    answer = await http.post(
        f"{API}/{bucket}/contents",
        content=new_id().bytes,
        headers={"Repr-Digest": f"sha-256=:{digest}:"},
    )

    assert (answer.status_code, code_of(answer)) == (422, "digest-mismatch")


async def test_unchecked_content_does_not_come_in_as_content(http: httpx.AsyncClient) -> None:
    name = a_bucket_name("contents")
    await http.post(API, json={"name": name, "checks": ["review"]})

    answer = await http.post(f"{API}/{name}/contents", content=new_id().bytes)

    assert (answer.status_code, code_of(answer)) == (409, "checks-required")


async def test_content_does_not_pass_a_quota(http: httpx.AsyncClient) -> None:
    name = a_bucket_name("contents")
    await http.post(API, json={"name": name, "quota_bytes": 20})
    first = await http.post(f"{API}/{name}/contents", content=new_id().bytes)

    second = await http.post(f"{API}/{name}/contents", content=new_id().bytes)

    assert first.status_code == 201
    assert (second.status_code, code_of(second)) == (507, "quota-exceeded")


async def test_content_may_be_put_by_who_writes_somewhere(
    http: httpx.AsyncClient, bucket: str, caller: CallerWith
) -> None:
    writer = await caller("read", "write")
    reader = await caller("read", "write")
    await give(http, bucket, principal_of(writer), "writer", prefix="docs/")
    await give(http, bucket, principal_of(reader), "reader")

    put = await writer.post(f"{API}/{bucket}/contents", content=new_id().bytes)
    refused = await reader.post(f"{API}/{bucket}/contents", content=new_id().bytes)

    assert (put.status_code, refused.status_code) == (201, 403)
