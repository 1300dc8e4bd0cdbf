"""A put that creates, and never replaces."""

import asyncio
from pathlib import Path

import pytest

from libs.blobs import (
    BlobExists,
    BlobKeyRefused,
    BlobNotFound,
    BlobStore,
    BlobTooLarge,
    BodySizeMismatch,
    StoreMisconfigured,
    open_store,
)
from libs.blobs.file import STAGING
from tests.conformance.bodies import MIB, SourceBroke, breaking_after, in_pieces, repeated
from tests.conformance.faulty import answering, at_port

KEY = "blobs/2026/11/22/created"


async def test_a_blob_is_created_where_none_is(store: BlobStore) -> None:
    assert await store.put(KEY, b"first", if_absent=True) == 5

    assert await (await store.get(KEY)).read() == b"first"
    assert [stat.key async for stat in store.list()] == [KEY]


async def test_a_blob_that_is_there_stays_as_it_is(store: BlobStore) -> None:
    await store.put(KEY, b"first")

    with pytest.raises(BlobExists):
        await store.put(KEY, b"second", if_absent=True)
    with pytest.raises(BlobExists):
        await store.put(KEY, in_pieces(b"third", 2), size=5, if_absent=True)

    assert await (await store.get(KEY)).read() == b"first"


async def test_of_many_at_once_one_creates(store: BlobStore) -> None:
    bodies = [f"writer {n}".encode() for n in range(12)]

    outcomes = await asyncio.gather(
        *(store.put(KEY, body, if_absent=True) for body in bodies), return_exceptions=True
    )

    created = [body for body, outcome in zip(bodies, outcomes, strict=True) if outcome == len(body)]
    refused = [outcome for outcome in outcomes if isinstance(outcome, BlobExists)]
    assert (len(created), len(refused)) == (1, 11)
    assert await (await store.get(KEY)).read() == created[0]


async def test_a_deleted_blob_can_be_created_again(store: BlobStore) -> None:
    await store.put(KEY, b"first", if_absent=True)
    await store.delete(KEY)

    await store.put(KEY, b"second", if_absent=True)

    assert await (await store.get(KEY)).read() == b"second"


async def test_a_creation_that_breaks_off_leaves_nothing(store: BlobStore) -> None:
    with pytest.raises(SourceBroke):
        await store.put(KEY, breaking_after(3 * MIB, SourceBroke()), if_absent=True)
    with pytest.raises(BodySizeMismatch):
        await store.put(KEY, b"four", size=5, if_absent=True)

    with pytest.raises(BlobNotFound):
        await store.head(KEY)


async def test_a_large_blob_is_created_whole_or_refused(store: BlobStore) -> None:
    try:
        await store.put(KEY, repeated(bytes(MIB), 20), if_absent=True)
    except BlobTooLarge:
        assert [stat async for stat in store.list()] == []
    else:
        assert (await store.head(KEY)).size == 20 * MIB


async def test_a_folder_is_no_blob_that_exists(tmp_path: Path) -> None:
    async with open_store(f"file://{tmp_path}") as store:
        await store.put(f"{KEY}/below", b"x")

        with pytest.raises(BlobKeyRefused):
            await store.put(KEY, b"x", if_absent=True)

    assert list((tmp_path / STAGING).iterdir()) == []


async def test_a_server_that_overwrites_all_the_same_is_found_out(s3_url: str) -> None:
    answer = b'HTTP/1.1 200 OK\r\nETag: "x"\r\nContent-Length: 0\r\nConnection: close\r\n\r\n'
    async with answering(answer) as port, open_store(at_port(s3_url, port)) as store:
        with pytest.raises(StoreMisconfigured, match="create only"):
            await store.put(KEY, b"x", if_absent=True)
