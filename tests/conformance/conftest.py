"""One suite for all drivers: ``store`` is each of them in turn, empty and a real one."""

import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

import pytest

from libs.blobs import BlobStore, open_store
from tests.conformance.seaweed import seaweed


@pytest.fixture(scope="session")
def s3_server_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a bucket: ``STRONGROOM_TEST_S3_URL``, or a server of our own."""
    given = os.environ.get("STRONGROOM_TEST_S3_URL")
    if given:
        yield given
        return
    with seaweed(tmp_path_factory.mktemp("seaweed")) as url:
        yield url


@pytest.fixture
def s3_url(s3_server_url: str) -> str:
    """The address of a folder of the bucket that no other test uses."""
    parts = urlsplit(s3_server_url)
    return parts._replace(path=f"{parts.path.rstrip('/')}/{uuid4().hex}").geturl()


@pytest.fixture(params=["memory", "file", "s3"])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of an empty store."""
    if request.param == "s3":
        url: str = request.getfixturevalue("s3_url")
        return url
    return "memory://" if request.param == "memory" else f"file://{tmp_path}/new/store"


@pytest.fixture
async def store(store_url: str) -> AsyncIterator[BlobStore]:
    async with open_store(store_url) as opened:
        yield opened
