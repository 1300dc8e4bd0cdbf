"""A server of buckets that is down, silent, full, or wrongly addressed: named, and in time."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from time import monotonic
from urllib.parse import urlsplit

import pytest

from libs.blobs import (
    BlobFailure,
    BlobStore,
    StoreFull,
    StoreMisconfigured,
    StoreUnavailable,
    open_store,
)
from tests.conformance.bodies import MIB, in_pieces, some_bytes
from tests.conformance.faulty import HOST, Cable, answering, at_port, port_of

KEY = "blobs/key"
Call = Callable[[BlobStore], Awaitable[object]]


async def _list(store: BlobStore) -> object:
    return [stat async for stat in store.list()]


CALLS: dict[str, Call] = {
    "small put": lambda store: store.put(KEY, b"xyz"),
    "large put": lambda store: store.put(KEY, in_pieces(bytes(12 * MIB), MIB)),
    "get": lambda store: store.get(KEY),
    "head": lambda store: store.head(KEY),
    "delete": lambda store: store.delete(KEY),
    "list": _list,
    "check": lambda store: store.check(),
}


@pytest.fixture(params=CALLS)
def call(request: pytest.FixtureRequest) -> Call:
    return CALLS[request.param]


async def failure_of(call: Call, store: BlobStore) -> tuple[BlobFailure, float]:
    began = monotonic()
    with pytest.raises(BlobFailure) as raised:
        await call(store)
    return raised.value, monotonic() - began


async def test_a_server_that_is_down_is_named_within_two_seconds(
    bucket_url: str, call: Call
) -> None:
    with socket.socket() as unused:
        unused.bind((HOST, 0))
        async with open_store(at_port(bucket_url, unused.getsockname()[1])) as store:
            failure, took_s = await failure_of(call, store)

    assert isinstance(failure, StoreUnavailable)
    assert took_s < 2


async def test_a_server_that_falls_silent_is_noticed_within_ten_seconds(bucket_url: str) -> None:
    async with (
        Cable(HOST, port_of(bucket_url)).plugged_in() as cable,
        open_store(at_port(bucket_url, cable.port)) as store,
    ):
        await asyncio.gather(*(store.put(f"warm/{n}", b"x") for n in range(8)))
        cable.cut()

        outcomes = await asyncio.gather(*(failure_of(each, store) for each in CALLS.values()))

    assert all(isinstance(failure, StoreUnavailable) for failure, _ in outcomes)
    assert max(took_s for _, took_s in outcomes) < 10


async def test_a_cable_cut_in_the_middle_of_a_body_is_noticed_either_way(bucket_url: str) -> None:
    async with (
        Cable(HOST, port_of(bucket_url)).plugged_in() as cable,
        open_store(at_port(bucket_url, cable.port)) as store,
    ):
        await store.put(KEY, bytes(24 * MIB))

        async def upload_until_cut() -> AsyncIterator[bytes]:
            for n in range(64):
                if n == 20:
                    cut.set()
                    cable.cut()
                yield bytes(MIB)

        async def download_until_cut(store: BlobStore) -> None:
            async for _ in await store.get(KEY):
                await cut.wait()

        cut = asyncio.Event()
        (up, up_s), (down, down_s) = await asyncio.gather(
            failure_of(lambda store: store.put("blobs/cut", upload_until_cut()), store),
            failure_of(download_until_cut, store),
        )

    assert isinstance(up, StoreUnavailable)
    assert isinstance(down, StoreUnavailable)
    assert max(up_s, down_s) < 12  # the seconds before the cut included


async def test_a_reader_may_pause_longer_than_the_store_may(bucket_url: str) -> None:
    data = some_bytes(24 * MIB)
    async with (
        open_store(bucket_url) as writer,
        open_store(f"{bucket_url}&request_timeout_s=1") as store,
    ):
        await writer.put(KEY, data)
        got = []

        async for chunk in await store.get(KEY):
            got.append(chunk)
            if len(got) in (1, 10):
                await asyncio.sleep(2.5)

    assert b"".join(got) == data


async def test_a_slow_body_is_not_taken_for_a_silent_store(bucket_url: str) -> None:
    async def slow() -> AsyncIterator[bytes]:
        for n in range(8):
            yield bytes(MIB)
            if n in (1, 6):
                await asyncio.sleep(2.5)

    async with open_store(f"{bucket_url}&request_timeout_s=1") as store:
        assert await store.put(KEY, slow()) == 8 * MIB


async def test_the_store_works_again_when_the_server_is_back(bucket_url: str) -> None:
    with socket.socket() as held:
        held.bind((HOST, 0))
        port = held.getsockname()[1]
    async with open_store(at_port(bucket_url, port)) as store:
        with pytest.raises(StoreUnavailable):
            await store.put(KEY, b"xyz")

        async with Cable(HOST, port_of(bucket_url)).plugged_in(port):
            await store.put(KEY, b"xyz")


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("507 Insufficient Storage", StoreFull),
        ("500 Internal Server Error", StoreUnavailable),
        ("503 Slow Down", StoreUnavailable),
        ("403 Forbidden", StoreMisconfigured),
    ],
)
async def test_what_the_server_answers_is_named_within_two_seconds(
    bucket_url: str, call: Call, status: str, expected: type[BlobFailure]
) -> None:
    answer = f"HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode()
    async with answering(answer) as port, open_store(at_port(bucket_url, port)) as store:
        failure, took_s = await failure_of(call, store)

    assert type(failure) is expected
    assert took_s < 2


async def test_a_body_that_ends_early_is_never_taken_for_the_whole(bucket_url: str) -> None:
    answer = (
        b"HTTP/1.1 200 OK\r\nETag: x\r\nLast-Modified: Sat, 21 Nov 2026 22:15:38 GMT\r\n"
        b"Content-Length: 4000\r\nConnection: close\r\n\r\nonly this"
    )
    async with answering(answer) as port, open_store(at_port(bucket_url, port)) as store:
        body = await store.get(KEY)
        with pytest.raises(StoreUnavailable):
            await body.read()


async def test_wrong_secrets_and_buckets_are_the_operators_affair(s3_url: str) -> None:
    parts = urlsplit(s3_url)
    wrong_secret = parts._replace(netloc=parts.netloc.replace("@", "x@")).geturl()
    wrong_bucket = parts._replace(path="/no-such-bucket").geturl()

    for url in (wrong_secret, wrong_bucket):
        async with open_store(url) as store:
            with pytest.raises(StoreMisconfigured) as raised:
                await store.check()
        assert (parts.password or "?") not in str(raised.value)


async def test_a_bucket_that_is_not_there_is_the_operators_affair(bucket_url: str) -> None:
    async with open_store(bucket_url.replace("conformance/", "no-such-bucket/", 1)) as store:
        for call in ("list", "check"):
            with pytest.raises(StoreMisconfigured):
                await CALLS[call](store)
