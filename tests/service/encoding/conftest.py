"""Buckets that want something done to their bytes, on the running platform."""

import os
from collections.abc import AsyncIterator, Awaitable, Callable
from urllib.parse import quote

import httpx
import pytest
from msgspec import Struct

from libs.blobs import BlobStore, open_store
from libs.chassis.database import Database
from libs.contracts.storage import BlobPlace, GetFile
from tests.builders import a_bucket_name
from tests.platform import Platform
from tests.service.storage.bucket import Ask


class EncodedBucket(Struct, frozen=True):
    """A bucket over HTTP, and what lies below it."""

    http: httpx.AsyncClient
    ask: Ask
    store: BlobStore
    name: str

    def url(self, path: str) -> str:
        return f"/api/v1/buckets/{self.name}/files/{quote(path)}"

    async def put(self, path: str, body: bytes, **headers: str) -> httpx.Response:
        """Put a file that has to be taken."""
        headers = {"content-type": "text/plain"} | headers
        answer = await self.http.put(self.url(path), content=body, headers=headers)
        assert answer.status_code in (200, 201), answer.text
        return answer

    async def get(self, path: str, **headers: str) -> httpx.Response:
        """Get a file as plain bytes, unless another coding is asked for."""
        headers = {"accept-encoding": "identity"} | headers
        return await self.http.get(self.url(path), headers=headers)

    async def change(self, **settings: object) -> None:
        answer = await self.http.patch(f"/api/v1/buckets/{self.name}", json=settings)
        assert answer.status_code == 200, answer.text

    async def place(self, path: str) -> BlobPlace:
        """Return where the file's bytes lie."""
        return (await self.ask(GetFile(bucket=self.name, path=path))).blob

    async def stored(self, path: str) -> bytes:
        """Return the bytes that lie there, as they are."""
        place = await self.place(path)
        body = await self.store.get(
            place.key, start=place.offset, end=place.offset + place.stored_bytes
        )
        return await body.read()


MakeBucket = Callable[..., Awaitable[EncodedBucket]]


@pytest.fixture(scope="session")
async def store(platform: Platform) -> AsyncIterator[BlobStore]:
    """The platform's own object store."""
    variables = {**os.environ, **platform.stack.env("storage")}
    async with open_store(variables["STRONGROOM_STORAGE_STORE_URL"]) as opened:
        yield opened


@pytest.fixture
async def db(platform: Platform) -> AsyncIterator[Database]:
    """The schema of storage."""
    async with Database(platform.database_urls["storage"], pool_size=2) as opened:
        yield opened


@pytest.fixture(scope="session")
def a_bucket(http: httpx.AsyncClient, ask: Ask, store: BlobStore) -> MakeBucket:
    """Make a bucket with these settings."""

    async def make(**settings: str) -> EncodedBucket:
        name = a_bucket_name("encoding")
        wish = {"name": name, "versioning": "off", **settings}
        answer = await http.post("/api/v1/buckets", json=wish)
        assert answer.status_code == 201, answer.text
        return EncodedBucket(http, ask, store, name)

    return make
