"""What journeys share: a bucket of their own."""

import httpx
import pytest

from tests.builders import a_bucket_name


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
