"""A primary that refuses, and a fallback that takes over: which uploads fail, and for how long."""

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from libs.blobs import Backends, BlobStore, open_store
from tests.conformance.bodies import MIB, in_pieces, some_bytes
from tests.conformance.faulty import HOST, Cable, at_port, port_of
from tests.waiting import eventually

KEY = "blobs/2026/11/22/fallback"
PAUSE_S = 0.1


@pytest.fixture
async def fallback(tmp_path: Path) -> AsyncIterator[BlobStore]:
    async with open_store(f"file://{tmp_path}/fallback") as store:
        yield store


@asynccontextmanager
async def backends(
    primary_url: str, fallback: BlobStore | None, **options: float
) -> AsyncIterator[Backends]:
    async with open_store(primary_url) as primary:
        pair = Backends(primary, fallback, first_pause_s=PAUSE_S, longest_pause_s=0.4, **options)
        try:
            yield pair
        finally:
            await pair.close()


async def returned(pair: Backends) -> None:
    async def is_ok() -> bool:
        return pair.state == "ok"

    await eventually(is_ok)


@pytest.fixture
def unused_port() -> int:
    with socket.socket() as held:
        held.bind((HOST, 0))
        port: int = held.getsockname()[1]
        return port


async def test_the_primary_takes_what_it_can(s3_url: str, fallback: BlobStore) -> None:
    async with backends(s3_url, fallback) as pair:
        assert await pair.put(KEY, b"whole") == ("primary", 5)
        assert await pair.put(KEY + "2", in_pieces(b"pieces", 2), size=6) == ("primary", 6)

        assert await (await pair.store("primary").get(KEY)).read() == b"whole"
        assert [stat async for stat in fallback.list()] == []
        assert pair.state == "ok"


async def test_uploads_go_on_while_the_primary_is_down_and_return_when_it_is_back(
    s3_url: str, fallback: BlobStore, unused_port: int
) -> None:
    data = some_bytes(9 * MIB, seed=72)
    async with backends(at_port(s3_url, unused_port), fallback) as pair:
        assert await pair.put("blobs/whole", data) == ("fallback", len(data))
        assert pair.state == "degraded"
        assert await pair.put("blobs/stream", in_pieces(data, MIB)) == ("fallback", len(data))
        for key in ("blobs/whole", "blobs/stream"):
            assert await (await pair.store("fallback").get(key)).read() == data

        async with Cable(HOST, port_of(s3_url)).plugged_in(unused_port):
            await returned(pair)

            assert await pair.put(KEY, b"home") == ("primary", 4)
        assert pair.counts.openings == 1
        assert (pair.counts.primary, pair.counts.fallback, pair.counts.failed) == (1, 2, 0)
