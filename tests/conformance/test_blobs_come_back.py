"""What was put is what is got, whole and in ranges."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from libs.blobs import BlobNotFound, BlobStore, RangeNotSatisfiable
from tests.conformance.bodies import MIB, in_pieces, some_bytes

SIZES = [0, 1, 4096, 5 * MIB - 1, 5 * MIB, 5 * MIB + 1, 20 * MIB]
KEY = "blobs/2026/11/21/0190a5b0"


@pytest.mark.parametrize("size", SIZES)
async def test_bytes_put_at_once_come_back_equal(store: BlobStore, size: int) -> None:
    data = some_bytes(size)

    stored = await store.put(KEY, data, size=size)

    body = await store.get(KEY)
    assert (stored, body.size, body.start, body.end) == (size, size, 0, size)
    assert await body.read() == data


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("announced", [True, False])
async def test_bytes_put_in_pieces_come_back_equal(
    store: BlobStore, size: int, announced: bool
) -> None:
    data = some_bytes(size)

    stored = await store.put(KEY, in_pieces(data, 300_001), size=size if announced else None)

    assert stored == size
    assert await (await store.get(KEY)).read() == data


async def test_pieces_may_be_larger_than_a_part_and_empty(store: BlobStore) -> None:
    data = some_bytes(26 * MIB)

    async def odd_pieces() -> AsyncIterator[bytes]:
        for piece in (b"", data[: 13 * MIB], b"", data[13 * MIB :], b""):
            yield piece

    await store.put(KEY, odd_pieces())

    assert await (await store.get(KEY)).read() == data


async def test_a_large_blob_comes_in_chunks_of_about_a_mebibyte(store: BlobStore) -> None:
    await store.put(KEY, bytes(20 * MIB))

    chunks = [len(chunk) async for chunk in await store.get(KEY)]

    assert sum(chunks) == 20 * MIB
    assert all(MIB <= length < 2 * MIB for length in chunks[:-1])
    assert chunks[-1] > 0


@pytest.mark.parametrize(
    ("start", "end"),
    [
        (0, 1),
        (0, None),
        (1, None),
        (MIB - 1, MIB + 1),
        (3 * MIB, 3 * MIB + 1),
        (3 * MIB, None),
        (3 * MIB + 1, None),
        (0, 3 * MIB + 1),
        (7, 4 * MIB),
        (0, 0),
        (5, 5),
        (3 * MIB + 1, 3 * MIB + 1),
        (3 * MIB + 1, 4 * MIB),
    ],
)
async def test_a_range_is_the_slice_of_the_whole(
    store: BlobStore, start: int, end: int | None
) -> None:
    data = some_bytes(3 * MIB + 1)
    await store.put(KEY, data)

    body = await store.get(KEY, start=start, end=end)

    assert body.size == len(data)
    assert (body.start, body.end) == (start, len(data) if end is None else min(end, len(data)))
    assert await body.read() == data[start:end]


async def test_an_empty_blob_has_the_empty_range_only(store: BlobStore) -> None:
    await store.put(KEY, b"")

    assert await (await store.get(KEY, start=0, end=10)).read() == b""
    with pytest.raises(RangeNotSatisfiable):
        await store.get(KEY, start=1)


@pytest.mark.parametrize(("start", "end"), [(11, None), (11, 12), (-1, None), (5, 4), (11, 11)])
async def test_a_range_outside_the_blob_is_refused(
    store: BlobStore, start: int, end: int | None
) -> None:
    await store.put(KEY, b"0123456789")

    with pytest.raises(RangeNotSatisfiable):
        await store.get(KEY, start=start, end=end)


async def test_head_knows_size_and_time(store: BlobStore) -> None:
    before = datetime.now(UTC) - timedelta(seconds=2)

    await store.put(KEY, b"12345")

    found = await store.head(KEY)
    assert (found.key, found.size) == (KEY, 5)
    assert before <= found.modified_at <= datetime.now(UTC) + timedelta(seconds=2)


async def test_what_was_never_put_is_not_found(store: BlobStore) -> None:
    await store.put("blobs/other", b"x")

    for missing in ("blobs/missing", "missing", "blobs", "blobs/other/below"):
        with pytest.raises(BlobNotFound):
            await store.get(missing)
        with pytest.raises(BlobNotFound):
            await store.get(missing, start=3, end=3)
        with pytest.raises(BlobNotFound):
            await store.head(missing)


async def test_a_second_put_replaces_the_first_whole(store: BlobStore) -> None:
    await store.put(KEY, some_bytes(6 * MIB, seed=1))

    await store.put(KEY, some_bytes(4096, seed=2))
    await store.put(KEY, some_bytes(4096, seed=2))

    assert await (await store.get(KEY)).read() == some_bytes(4096, seed=2)


async def test_a_deleted_blob_is_gone_and_may_be_deleted_again(store: BlobStore) -> None:
    await store.put(KEY, b"x")

    await store.delete(KEY)
    await store.delete(KEY)

    with pytest.raises(BlobNotFound):
        await store.head(KEY)
    assert [stat.key async for stat in store.list()] == []


async def test_a_reader_may_stop_early_and_close_twice(store: BlobStore) -> None:
    await store.put(KEY, bytes(8 * MIB))

    async with await store.get(KEY) as body:
        async for _ in body:
            break
        await body.close()

    unread = await store.get(KEY)
    await unread.close()
    assert len(await (await store.get(KEY)).read()) == 8 * MIB


async def test_puts_of_different_keys_at_once_do_not_mix(store: BlobStore) -> None:
    sizes = {f"blobs/{n:02}": (n * 700_000) % (7 * MIB) for n in range(24)}

    async def put_and_get(key: str, size: int) -> bool:
        data = some_bytes(size, seed=size)
        await store.put(key, in_pieces(data, 400_000))
        return await (await store.get(key)).read() == data

    equal = await asyncio.gather(*(put_and_get(key, size) for key, size in sizes.items()))

    assert all(equal)
    assert {stat.key: stat.size async for stat in store.list()} == sizes


async def test_a_store_that_is_there_passes_its_check(store: BlobStore) -> None:
    await store.check()

    assert [stat async for stat in store.list()] == []
    assert store.durability.reason
    await store.close()
    await store.close()
