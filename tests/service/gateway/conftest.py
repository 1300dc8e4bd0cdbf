"""A gateway with tight limits, on a platform of its own: storage behind it, and nothing else."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

import httpx
import pytest

from libs.blobs.contract import BlobStore
from libs.blobs.opening import open_store
from libs.chassis.database import Database
from tests.builders import a_bucket_name
from tests.platform import Platform, running_platform

LIMITS = {
    "MAX_UPLOAD_BYTES": str(12 * 1024 * 1024),
    "UPLOAD_IDLE_TIMEOUT_S": "2.0",
    "DOWNLOAD_IDLE_TIMEOUT_S": "1.5",
    "TRANSFER_MEMORY_BYTES": str(32 * 1024 * 1024),
    "TRANSFER_WAIT_S": "0.5",
    "REQUESTS_PER_S": "20",
    "REQUEST_BURST": "300",
    "PUBLIC_REQUESTS_PER_S": "1",
    "PUBLIC_REQUEST_BURST": "20",
    "REFUSALS_PER_S": "1",
    "REFUSAL_BURST": "20",
    "LIVE_QUEUE": "20",
    "HEADER_TIMEOUT_S": "2",
    "DRAIN_TIMEOUT_S": "5",
}


@pytest.fixture(scope="package")
def platform() -> Iterator[Platform]:
    """Storage and progress, with a strict gateway before them."""
    settings = {f"STRONGROOM_GATEWAY_{name}": value for name, value in LIMITS.items()}
    settings["STRONGROOM_STORAGE_SWEEP_INTERVAL_S"] = "0.5"
    with running_platform(("storage", "progress", "gateway"), settings) as running:
        yield running


@pytest.fixture
async def http(platform: Platform) -> AsyncIterator[httpx.AsyncClient]:
    """The strict gateway, as the administrator."""
    async with httpx.AsyncClient(
        base_url=platform.url,
        headers={"Authorization": f"Bearer {platform.admin_key}"},
        timeout=30.0,
    ) as client:
        yield client


@pytest.fixture
async def bucket(http: httpx.AsyncClient) -> str:
    """A new bucket."""
    name = a_bucket_name("edge")
    answer = await http.post("/api/v1/buckets", json={"name": name})
    assert answer.status_code == 201, answer.text
    return name


@pytest.fixture
def files(bucket: str) -> str:
    """Where the bucket's files are."""
    return f"/api/v1/buckets/{bucket}/files"


@pytest.fixture(scope="package")
async def store(platform: Platform) -> AsyncIterator[BlobStore]:
    """The object store, as the services see it."""
    async with open_store(platform.store_url) as opened:
        yield opened


@pytest.fixture(scope="package")
async def storage_db(platform: Platform) -> AsyncIterator[Database]:
    """Storage's tables, to look at."""
    async with Database(platform.database_urls["storage"], pool_size=2) as db:
        yield db


Leftovers = Callable[[], Awaitable[list[str]]]


@pytest.fixture
def leftovers(store: BlobStore, storage_db: Database) -> Leftovers:
    """Return what is in the store or in the table of uploads without being part of a file."""

    async def leftovers() -> list[str]:
        async with storage_db.connection() as conn:
            known = {row["key"] for row in await conn.fetch("SELECT key FROM blob")}
            open_ = await conn.fetch("SELECT key FROM upload WHERE committed_at IS NULL")
        stored = [found.key async for found in store.list("blobs")]
        return [row["key"] for row in open_] + [key for key in stored if key not in known]

    return leftovers
