"""What broke off before its last byte never appears, and leaves nothing behind."""

import asyncio
from pathlib import Path

import pytest

from libs.blobs import BlobNotFound, BlobStore, BodySizeMismatch, open_store
from libs.blobs.file import STAGING
from tests.conformance.bodies import (
    MIB,
    SourceBroke,
    breaking_after,
    in_pieces,
    some_bytes,
    stalling_after,
)
from tests.conformance.seaweed import open_uploads

KEY = "blobs/interrupted"
SIZES = [0, 1 * MIB, 12 * MIB]


async def keys_of(store: BlobStore) -> list[str]:
    return [stat.key async for stat in store.list()]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("error", [SourceBroke("gone"), FileNotFoundError(2, "not ours")])
async def test_a_body_that_raises_leaves_nothing_and_its_own_failure_comes_out(
    store: BlobStore, size: int, error: Exception
) -> None:
    with pytest.raises(type(error)) as raised:
        await store.put(KEY, breaking_after(size, error))

    assert raised.value is error
    assert await keys_of(store) == []


@pytest.mark.parametrize("size", SIZES)
async def test_a_cancelled_put_leaves_nothing(store: BlobStore, size: int) -> None:
    stalled = asyncio.Event()
    put = asyncio.create_task(store.put(KEY, stalling_after(size, stalled)))
    await stalled.wait()

    put.cancel()

    with pytest.raises(asyncio.CancelledError):
        await put
    assert await keys_of(store) == []


async def test_puts_cancelled_at_any_moment_leave_nothing_in_part(store: BlobStore) -> None:
    data = some_bytes(6 * MIB)
    for step in range(40):
        put = asyncio.create_task(store.put(f"blobs/{step}", in_pieces(data, MIB)))
        await asyncio.sleep(step * 0.002)
        put.cancel()
        await asyncio.wait({put})

    for stat in [stat async for stat in store.list()]:
        assert await (await store.get(stat.key)).read() == data


async def test_an_interrupted_put_keeps_what_was_there(store: BlobStore) -> None:
    await store.put(KEY, b"first")

    with pytest.raises(SourceBroke):
        await store.put(KEY, breaking_after(12 * MIB, SourceBroke()))

    assert await (await store.get(KEY)).read() == b"first"


@pytest.mark.parametrize("size", [3, 12 * MIB])
@pytest.mark.parametrize("announced", [-1, 1])
async def test_a_body_of_another_size_than_announced_is_refused(
    store: BlobStore, size: int, announced: int
) -> None:
    data = bytes(size)

    with pytest.raises(BodySizeMismatch):
        await store.put(KEY, data, size=size + announced)
    with pytest.raises(BodySizeMismatch):
        await store.put(KEY, in_pieces(data, MIB), size=size + announced)

    with pytest.raises(BlobNotFound):
        await store.head(KEY)


async def test_interrupted_multipart_uploads_are_aborted(s3_url: str) -> None:
    stalled = asyncio.Event()

    async with open_store(s3_url) as store:
        with pytest.raises(SourceBroke):
            await store.put(KEY, breaking_after(12 * MIB, SourceBroke()))
        put = asyncio.create_task(store.put(KEY, stalling_after(12 * MIB, stalled)))
        await stalled.wait()
        begun = await asyncio.to_thread(open_uploads, s3_url)
        put.cancel()
        await asyncio.wait({put})

    assert len(begun) == 1
    assert await asyncio.to_thread(open_uploads, s3_url) == []


async def test_interrupted_files_leave_the_staging_folder_empty(tmp_path: Path) -> None:
    stalled = asyncio.Event()

    async with open_store(f"file://{tmp_path}") as store:
        with pytest.raises(SourceBroke):
            await store.put(KEY, breaking_after(3 * MIB, SourceBroke()))
        put = asyncio.create_task(store.put(KEY, stalling_after(3 * MIB, stalled)))
        await stalled.wait()
        put.cancel()
        await asyncio.wait({put})

    assert list((tmp_path / STAGING).iterdir()) == []
