"""One suite for all drivers: ``store`` is each of them in turn, empty and a real one."""

import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

import pytest

from libs.blobs import BlobStore, open_store
from tests.conformance.azurite import azurite
from tests.conformance.fake_gcs import fake_gcs
from tests.conformance.seaweed import seaweed

BUCKETS = {"s3": "s3_server_url", "gs": "gcs_server_url", "az": "azure_server_url"}
"""The kinds of bucket, and the fixtures that run a server of each."""

PATIENT = "request_timeout_s=60"


@pytest.fixture(scope="session")
def s3_server_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a bucket: ``STRONGROOM_TEST_S3_URL``, or a server of our own."""
    given = os.environ.get("STRONGROOM_TEST_S3_URL")
    if given:
        yield given
        return
    with seaweed(tmp_path_factory.mktemp("seaweed")) as url:
        yield url


@pytest.fixture(scope="session")
def gcs_server_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a bucket of an emulator of Google Cloud Storage."""
    with fake_gcs(tmp_path_factory.mktemp("gcs")) as url:
        yield url


@pytest.fixture(scope="session")
def azure_server_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a container of an emulator of Azure Blob Storage."""
    with azurite(tmp_path_factory.mktemp("azurite")) as url:
        yield url


def in_new_folder(url: str) -> str:
    """Return the address of a folder of the bucket that no other test uses."""
    parts = urlsplit(url)
    return parts._replace(path=f"{parts.path.rstrip('/')}/{uuid4().hex}").geturl()


@pytest.fixture
def s3_url(s3_server_url: str) -> str:
    return in_new_folder(s3_server_url)


@pytest.fixture(params=BUCKETS)
def bucket_url(request: pytest.FixtureRequest) -> str:
    """The address of an empty folder of a bucket, of each kind of server in turn."""
    return in_new_folder(request.getfixturevalue(BUCKETS[request.param]))


@pytest.fixture(params=["memory", "file", *BUCKETS])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of an empty store."""
    if request.param in BUCKETS:
        # A busy machine is no silent store; what is silent is tried by itself (``bucket_url``).
        return f"{in_new_folder(request.getfixturevalue(BUCKETS[request.param]))}&{PATIENT}"
    return "memory://" if request.param == "memory" else f"file://{tmp_path}/new/store"


@pytest.fixture
async def store(store_url: str) -> AsyncIterator[BlobStore]:
    async with open_store(store_url) as opened:
        yield opened
