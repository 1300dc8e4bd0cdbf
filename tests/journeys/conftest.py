"""What journeys share: a bucket of their own."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import httpx
import pytest

from tests.builders import a_bucket_name
from tests.journeys.callers import CallerWith, calling, new_key
from tests.journeys.histories import History


@pytest.fixture
async def bucket(http: httpx.AsyncClient) -> str:
    """A new bucket."""
    name = a_bucket_name("http")
    answer = await http.post("/api/v1/buckets", json={"name": name})
    assert answer.status_code == 201, answer.text
    return name


@pytest.fixture
def files(bucket: str) -> str:
    """Where the bucket's files are."""
    return f"/api/v1/buckets/{bucket}/files"


@pytest.fixture
def history(http: httpx.AsyncClient, bucket: str) -> History:
    """The bucket's history, as the administrator looks at it."""
    return History(http, bucket)


@pytest.fixture
async def caller(http: httpx.AsyncClient) -> AsyncIterator[CallerWith]:
    """Make a key, with the scopes read and write unless others are named, and call with it."""
    async with AsyncExitStack() as stack:

        async def caller(*scopes: str, **more: object) -> httpx.AsyncClient:
            created = await new_key(http, *(scopes or ("read", "write")), **more)
            return await stack.enter_async_context(calling(http, created["key"]))

        yield caller
