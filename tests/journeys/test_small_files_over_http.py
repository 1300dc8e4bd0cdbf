"""Small files that come at the same time share an object, and nobody can tell."""

import asyncio
import os

import httpx

from tests.builders import a_bucket_name

API = "/api/v1/buckets"


async def test_files_that_come_together_come_back_each_as_it_was(http: httpx.AsyncClient) -> None:
    bucket = a_bucket_name()
    await http.post(API, json={"name": bucket})
    bodies = {f"file-{number}": os.urandom(number * 37) for number in range(60)}

    async def put(path: str, body: bytes) -> httpx.Response:
        return await http.put(f"{API}/{bucket}/files/{path}", content=body)

    answers = await asyncio.gather(*(put(path, body) for path, body in bodies.items()))

    assert {answer.status_code for answer in answers} == {201}

    async def get(path: str) -> httpx.Response:
        return await http.get(f"{API}/{bucket}/files/{path}")

    for got, body in zip(await asyncio.gather(*map(get, bodies)), bodies.values(), strict=True):
        assert (got.status_code, got.content) == (200, body), got.text
