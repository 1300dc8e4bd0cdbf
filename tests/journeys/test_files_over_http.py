"""A file goes in and comes out, over HTTP."""

import base64
import hashlib

import httpx
import pytest

from tests.builders import a_bucket_name


@pytest.fixture
async def bucket(http: httpx.AsyncClient) -> str:
    name = a_bucket_name("http")
    answer = await http.post("/api/v1/buckets", json={"name": name})
    assert answer.status_code == 201, answer.text
    return name


def sha256(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


def repr_digest(body: bytes) -> str:
    return f"sha-256=:{base64.b64encode(hashlib.sha256(body).digest()).decode()}:"


async def test_what_was_put_comes_back_with_its_etag_type_and_digest(
    http: httpx.AsyncClient, bucket: str
) -> None:
    body = b"hello, strongroom"
    url = f"/api/v1/buckets/{bucket}/files/notes/hello.txt"

    put = await http.put(url, content=body, headers={"Content-Type": "text/plain"})
    got = await http.get(url)

    assert put.status_code == 201, put.text
    assert put.headers["etag"] == got.headers["etag"] == f'"{sha256(body)}"'
    assert put.json()["size"] == len(body)
    assert got.content == body
    assert got.headers["content-type"] == "text/plain"
    assert got.headers["repr-digest"] == repr_digest(body)
    assert got.headers["accept-ranges"] == "bytes"
    assert got.headers["strongroom-version"] == "1"
    assert len(got.headers["x-request-id"]) == 32
