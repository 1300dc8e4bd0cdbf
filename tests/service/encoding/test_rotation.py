"""``rotate-keys``: another master key wraps the data keys, and no object is touched."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Iterator
from signal import SIGKILL

import httpx
import pytest

from libs.blobs import open_store
from libs.blobs.encoding.keyring import Keyring, new_master_key
from libs.chassis.bus import Bus
from libs.chassis.database import Database
from libs.contracts.base import R, Request
from services.storage.rotating import rotate
from tests.builders import a_bucket_name
from tests.platform import Platform, running_platform
from tests.service.encoding.conftest import EncodedBucket
from tests.service.encoding.test_encoded_files import LARGE, SMALL, a_new_text

OLD, NEW = new_master_key("old"), new_master_key("new")


@pytest.fixture(scope="module")
def platform() -> Iterator[Platform]:
    """A platform of its own, whose operator has given it a new master key before the old one."""
    settings = {
        f"STRONGROOM_{service}_MASTER_KEYS": f"{NEW},{OLD}" for service in ("GATEWAY", "STORAGE")
    }
    with running_platform(("gateway", "storage", "versioning", "progress"), settings) as running:
        yield running


@pytest.fixture(scope="module")
async def bucket(platform: Platform) -> AsyncIterator[EncodedBucket]:
    """A bucket that wants everything, with a small and a large file in it."""
    variables = {**os.environ, **platform.stack.env("storage")}
    key = {"Authorization": f"Bearer {platform.admin_key}"}
    async with (
        httpx.AsyncClient(base_url=platform.url, headers=key, timeout=30.0) as http,
        Bus("admin", platform.nats_url) as bus,
        open_store(variables["STRONGROOM_STORAGE_STORE_URL"]) as store,
    ):

        async def ask(request: Request[R], *, timeout_s: float = 10.0) -> R:
            return await bus.ask(request, timeout_s=timeout_s)

        name = a_bucket_name("rotation")
        wish = {"name": name, "compression": "zstd", "encryption": "aes-256-gcm"}
        assert (await http.post("/api/v1/buckets", json=wish)).status_code == 201
        made = EncodedBucket(http, ask, store, name)
        for path, size in (("small", SMALL), ("large", LARGE)):
            await made.put(path, a_new_text(size))
        yield made


async def rotate_keys(
    platform: Platform, *arguments: str, keys: str, dies_at: str = ""
) -> tuple[int, str]:
    """Run the operator's command; return its exit code and what it printed."""
    variables = {**os.environ, **platform.stack.env("storage")}
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "services.storage",
        "rotate-keys",
        *arguments,
        env=variables | {"STRONGROOM_STORAGE_MASTER_KEYS": keys, "STRONGROOM_CRASHPOINT": dies_at},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    printed, _ = await process.communicate()
    return process.returncode or 0, printed.decode()


async def masters(bucket: EncodedBucket) -> set[str]:
    """Return which master keys wrap the keys of the two files."""
    places = [await bucket.place(path) for path in ("small", "large")]
    return {place.sealed.master for place in places if place.sealed is not None}


async def test_data_keys_are_wrapped_anew_and_bytes_stay(
    platform: Platform, bucket: EncodedBucket
) -> None:
    contents = {path: (await bucket.get(path)).content for path in ("small", "large")}
    stored = {path: await bucket.stored(path) for path in contents}
    async with Database(platform.database_urls["storage"], pool_size=2) as db:
        assert await rotate(db, Keyring.parse(f"{OLD}\n{NEW}")) == (2, 0)  # as it was before
    assert await masters(bucket) == {"old"}

    code, printed = await rotate_keys(platform, keys=f"{NEW},{OLD}")

    assert (code, printed.splitlines()[0]) == (0, "2 data keys wrapped anew, 0 could not be")
    assert await masters(bucket) == {"new"}
    for path, content in contents.items():
        assert (await bucket.get(path)).content == content
        assert await bucket.stored(path) == stored[path]
    code, printed = await rotate_keys(platform, keys=f"{NEW},{OLD}")
    assert (code, printed.splitlines()[0]) == (0, "0 data keys wrapped anew, 0 could not be")


async def test_an_interrupted_rotation_leaves_all_readable_and_goes_on(
    platform: Platform, bucket: EncodedBucket
) -> None:
    async with Database(platform.database_urls["storage"], pool_size=2) as db:
        await rotate(db, Keyring.parse(f"{OLD}\n{NEW}"))
    both = f"{NEW},{OLD}"

    code, _ = await rotate_keys(platform, "--at-once=1", keys=both, dies_at="after_rotation")

    assert code == -SIGKILL
    assert await masters(bucket) == {"old", "new"}
    for path, size in (("small", SMALL), ("large", LARGE)):
        assert len((await bucket.get(path)).content) == size
    code, printed = await rotate_keys(platform, keys=both)
    assert (code, printed.splitlines()[0]) == (0, "1 data keys wrapped anew, 0 could not be")
    assert await masters(bucket) == {"new"}


async def test_keys_that_do_not_open_are_named_and_left(
    platform: Platform, bucket: EncodedBucket
) -> None:
    place = await bucket.place("small")

    code, printed = await rotate_keys(platform, keys=new_master_key("newer"))

    assert code == 1
    assert f"blob {place.blob_id}" in printed
    assert await masters(bucket) == {"new"}


async def test_status_changes_nothing(platform: Platform, bucket: EncodedBucket) -> None:
    code, printed = await rotate_keys(platform, "--status", keys=f"{OLD},{NEW}")

    assert (code, printed) == (0, "new: 2 blobs\n")
    assert await masters(bucket) == {"new"}


@pytest.mark.parametrize("keys", ["", OLD.upper(), f"{OLD},{OLD}"], ids=["none", "odd", "twice"])
async def test_keys_that_are_none_are_refused_without_repeating_them(
    platform: Platform, keys: str
) -> None:
    code, printed = await rotate_keys(platform, keys=keys)

    assert code != 0
    assert OLD.partition(":")[2] not in printed
