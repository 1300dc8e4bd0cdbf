"""A primary that refuses, and a fallback that takes over: which uploads fail, and for how long."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from prometheus_client import REGISTRY

from libs.blobs import (
    Backends,
    BlobExists,
    BlobNotFound,
    BlobStore,
    StoreFull,
    StoreMisconfigured,
    StoreUnavailable,
    open_store,
)
from tests.conformance.bodies import (
    MIB,
    SourceBroke,
    breaking_after,
    in_pieces,
    repeated,
    some_bytes,
)
from tests.conformance.faulty import HOST, Cable, answering, at_port, files_at_most, port_of
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


@pytest.mark.parametrize("answer", ["500 Internal Server Error", "503 Slow Down", "507 Full"])
async def test_small_uploads_survive_a_primary_that_answers_with_errors(
    s3_url: str, fallback: BlobStore, answer: str
) -> None:
    data = some_bytes(MIB, seed=73)
    refusal = f"HTTP/1.1 {answer}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode()
    async with (
        answering(refusal) as port,
        # Never stale: the body itself is the first thing that the primary refuses.
        backends(at_port(s3_url, port), fallback, fresh_s=float("inf")) as pair,
    ):
        taken = await asyncio.gather(
            *(pair.put(f"blobs/{n}", in_pieces(data, 100_000)) for n in range(4)),
            *(pair.put(f"blobs/bytes/{n}", data) for n in range(4)),
        )

    assert taken == [("fallback", MIB)] * 8
    assert [stat.size async for stat in fallback.list()] == [MIB] * 8
    assert pair.counts.failed == 0


async def test_a_stream_that_breaks_off_fails_alone_and_leaves_nothing(
    s3_url: str, fallback: BlobStore
) -> None:
    async def torn_while_it_is_sent() -> AsyncIterator[bytes]:
        for n in range(24):
            if n == 16:
                cable.tear()
            yield bytes(MIB)

    async with (
        Cable(HOST, port_of(s3_url)).plugged_in() as cable,
        backends(at_port(s3_url, cable.port), fallback) as pair,
    ):
        with pytest.raises(StoreUnavailable):
            await pair.put(KEY, torn_while_it_is_sent())
        assert pair.state == "degraded"
        taken = await asyncio.gather(
            *(pair.put(f"blobs/{n}", repeated(bytes(MIB), 12)) for n in range(3))
        )
        cable.mend()
        await returned(pair)

        assert taken == [("fallback", 12 * MIB)] * 3
        assert pair.counts.failed == 1
        for name in pair.names:
            with pytest.raises(BlobNotFound):
                await pair.store(name).head(KEY)
        assert await pair.put(KEY, repeated(bytes(MIB), 12)) == ("primary", 12 * MIB)


async def test_a_primary_that_fell_silent_costs_no_stream(s3_url: str, fallback: BlobStore) -> None:
    async with (
        Cable(HOST, port_of(s3_url)).plugged_in() as cable,
        backends(at_port(s3_url, cable.port), fallback, fresh_s=0, probe_within_s=1) as pair,
    ):
        await pair.put(KEY, b"warm")
        cable.cut()

        taken = await asyncio.gather(
            *(pair.put(f"blobs/{n}", repeated(bytes(MIB), 12)) for n in range(4))
        )
        cable.tear()  # what a cut cable swallowed does not come back
        cable.mend()
        await returned(pair)

    assert taken == [("fallback", 12 * MIB)] * 4
    assert pair.counts.failed == 0


async def test_a_slow_primary_is_still_the_primary(s3_url: str, fallback: BlobStore) -> None:
    async with (
        Cable(HOST, port_of(s3_url)).plugged_in() as cable,
        backends(at_port(s3_url, cable.port), fallback) as pair,
    ):
        cable.slow_down(0.02)

        assert await pair.put(KEY, repeated(bytes(MIB), 8)) == ("primary", 8 * MIB)
        assert pair.state == "ok"


async def test_a_full_primary_gives_way_to_the_fallback(tmp_path: Path, s3_url: str) -> None:
    async with open_store(s3_url) as fallback, backends(f"file://{tmp_path}", fallback) as pair:
        with files_at_most(2 * MIB):
            assert await pair.put("blobs/bytes", bytes(8 * MIB)) == ("fallback", 8 * MIB)
            await returned(pair)  # the probe is small, and there is room for that
            assert await pair.put("blobs/early", repeated(bytes(MIB), 12)) == ("fallback", 12 * MIB)
            await returned(pair)
        with files_at_most(9 * MIB):
            with pytest.raises(StoreFull):
                await pair.put("blobs/late", repeated(bytes(MIB), 12))
            assert await pair.put("blobs/late", repeated(bytes(MIB), 12)) == ("fallback", 12 * MIB)

        assert [stat.key async for stat in pair.store("primary").list("blobs")] == []


@pytest.mark.parametrize("failure", [SourceBroke("gone"), StoreUnavailable("elsewhere", "gone")])
@pytest.mark.parametrize("size", [MIB, 12 * MIB])
async def test_a_body_that_breaks_is_not_the_primarys_fault(
    s3_url: str, fallback: BlobStore, failure: Exception, size: int
) -> None:
    async with backends(s3_url, fallback) as pair:
        with pytest.raises(type(failure)) as raised:
            await pair.put(KEY, breaking_after(size, failure))

        assert raised.value is failure
        assert pair.state == "ok"
        assert [stat async for stat in fallback.list()] == []


async def test_a_blob_that_exists_is_no_refusal(s3_url: str, fallback: BlobStore) -> None:
    async with backends(s3_url, fallback) as pair:
        await pair.put(KEY, b"first", if_absent=True)

        with pytest.raises(BlobExists):
            await pair.put(KEY, b"second", if_absent=True)

        assert pair.state == "ok"


async def test_without_a_fallback_the_primarys_failure_comes_out(
    s3_url: str, unused_port: int
) -> None:
    async with backends(at_port(s3_url, unused_port), None) as pair:
        with pytest.raises(StoreUnavailable):
            await pair.put(KEY, b"x")
        with pytest.raises(StoreMisconfigured):
            pair.store("fallback")
        with pytest.raises(StoreUnavailable):
            await pair.check()
        assert (pair.state, pair.names) == ("degraded", ("primary",))

        async with Cable(HOST, port_of(s3_url)).plugged_in(unused_port):
            assert await pair.put(KEY, b"x") == ("primary", 1)  # it is asked all the same
            await returned(pair)


async def test_when_both_refuse_the_upload_fails(
    s3_url: str, unused_port: int, tmp_path: Path
) -> None:
    async with (
        open_store(f"file://{tmp_path}") as fallback,
        backends(at_port(s3_url, unused_port), fallback) as pair,
    ):
        with files_at_most(MIB), pytest.raises(StoreFull):
            await pair.put(KEY, bytes(2 * MIB))

        await pair.check()  # smaller ones could be stored
        assert pair.counts.failed == 1


async def test_an_outage_is_in_the_metrics(
    s3_url: str, fallback: BlobStore, unused_port: int
) -> None:
    def sample(name: str, **labels: str) -> float:
        return REGISTRY.get_sample_value(name, labels) or 0.0

    before = sample("strongroom_blob_puts_total", backend="fallback", outcome="stored")
    bypassed = sample("strongroom_blob_stores_bypassed")
    async with backends(at_port(s3_url, unused_port), fallback) as pair:
        await pair.put(KEY, b"x")

        stored = sample("strongroom_blob_puts_total", backend="fallback", outcome="stored")
        assert stored == before + 1
        assert sample("strongroom_blob_stores_bypassed") == bypassed + 1

    assert sample("strongroom_blob_stores_bypassed") == bypassed


async def test_a_stream_whose_primary_breaks_early_moves_on(
    s3_url: str, fallback: BlobStore
) -> None:
    data = some_bytes(9 * MIB, seed=74)

    async def torn_early() -> AsyncIterator[bytes]:
        for n in range(9):
            if n == 3:
                cable.tear()
            yield data[n * MIB : (n + 1) * MIB]

    async with (
        Cable(HOST, port_of(s3_url)).plugged_in() as cable,
        backends(at_port(s3_url, cable.port), fallback) as pair,
    ):
        assert await pair.put(KEY, torn_early(), size=len(data)) == ("fallback", len(data))

    assert await (await fallback.get(KEY)).read() == data
