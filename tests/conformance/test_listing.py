"""Walking a store: in order, by folder, from any point on."""

import asyncio

import pytest

from libs.blobs import BlobKeyRefused, BlobStore

KEYS = [
    "blobs/2026/11/20/b",
    "blobs/2026/11/21/0",
    "blobs/2026/11/21/a-1.x",
    "blobs/2026/11/21/a_2",
    "blobs/2026/11/21/b",
    "blobs/2026/12/01/a",
    "blobs/20261/a",
    "packs/7",
    "zero",
]


@pytest.fixture
async def full(store: BlobStore) -> BlobStore:
    await asyncio.gather(*(store.put(key, key.encode()) for key in reversed(KEYS)))
    return store


async def keys_of(store: BlobStore, prefix: str = "", start_after: str | None = None) -> list[str]:
    return [stat.key async for stat in store.list(prefix, start_after=start_after)]


async def test_keys_come_in_order_with_their_sizes(full: BlobStore) -> None:
    stats = [stat async for stat in full.list()]

    assert [stat.key for stat in stats] == KEYS
    assert all(stat.size == len(stat.key) for stat in stats)


async def test_a_prefix_counts_whole_segments(full: BlobStore) -> None:
    assert await keys_of(full, "blobs/2026") == KEYS[:6]
    assert await keys_of(full, "blobs/2026/") == KEYS[:6]
    assert await keys_of(full, "blobs/2026/11/21") == KEYS[1:5]
    assert await keys_of(full, "blobs/202") == []
    assert await keys_of(full, "nothing/here") == []


@pytest.mark.parametrize("at", range(len(KEYS)))
async def test_a_walk_goes_on_behind_any_key(full: BlobStore, at: int) -> None:
    assert await keys_of(full, start_after=KEYS[at]) == KEYS[at + 1 :]


async def test_a_walk_goes_on_behind_a_key_that_is_not_there(full: BlobStore) -> None:
    assert await keys_of(full, start_after="blobs/2026/11/21/a") == KEYS[2:]
    assert await keys_of(full, "blobs", start_after="blobs/2026/11/21/zz") == KEYS[5:7]
    assert await keys_of(full, "blobs", start_after="zzz") == []


async def test_a_prefix_that_is_no_key_is_refused(store: BlobStore) -> None:
    for prefix in ("../", "a//b", "/a"):
        with pytest.raises(BlobKeyRefused):
            await keys_of(store, prefix)


async def test_a_long_list_is_complete(store: BlobStore) -> None:
    keys = [f"many/{n:05}" for n in range(2_300)]
    in_turn = asyncio.Semaphore(16)

    async def put(key: str) -> None:
        async with in_turn:
            await store.put(key, b"x")

    await asyncio.gather(*(put(key) for key in keys))

    assert await keys_of(store, "many") == keys
    assert await keys_of(store, "many", start_after=keys[1_200]) == keys[1_201:]
