"""URLs of the store itself, for clients that hold no credentials."""

import asyncio
from urllib.parse import urlsplit

import httpx
import pytest

from libs.blobs import BlobKeyRefused, BlobNotFound, BlobStore, SignedMethod, open_store
from tests.conformance.bodies import MIB, some_bytes

KEY = "blobs/2026/11/22/signed"


async def signed(
    store: BlobStore, method: SignedMethod, key: str = KEY, expires_s: int = 60
) -> str:
    url = await store.sign(method, key, expires_s)
    assert url is not None
    return url


@pytest.fixture
async def client() -> httpx.AsyncClient:
    return httpx.AsyncClient(trust_env=False)


async def test_a_signed_put_stores_what_the_client_sends(
    s3_url: str, client: httpx.AsyncClient
) -> None:
    data = some_bytes(6 * MIB, seed=71)
    async with open_store(s3_url) as store, client:
        answer = await client.put(await signed(store, "PUT"), content=data)

        assert answer.status_code == 200
        assert await (await store.get(KEY)).read() == data


async def test_a_signed_get_gives_the_blob_whole_and_in_ranges(
    s3_url: str, client: httpx.AsyncClient
) -> None:
    async with open_store(s3_url) as store, client:
        await store.put(KEY, b"0123456789")
        url = await signed(store, "GET")

        whole = await client.get(url)
        part = await client.get(url, headers={"Range": "bytes=2-4"})
        head = await client.head(await signed(store, "HEAD"))

    assert whole.content == b"0123456789"
    assert (part.status_code, part.content) == (206, b"234")
    assert head.headers["content-length"] == "10"


async def test_a_signature_is_good_for_one_method_and_one_key(
    s3_url: str, client: httpx.AsyncClient
) -> None:
    async with open_store(s3_url) as store, client:
        await store.put(KEY, b"first")
        url = await signed(store, "GET")
        other = urlsplit(url)._replace(path=urlsplit(url).path + "2").geturl()

        assert (await client.put(url, content=b"second")).status_code == 403
        assert (await client.delete(url)).status_code == 403
        assert (await client.get(other)).status_code == 403
        assert await (await store.get(KEY)).read() == b"first"
        with pytest.raises(BlobNotFound):
            await store.head(KEY + "2")


async def test_a_signature_ends(s3_url: str, client: httpx.AsyncClient) -> None:
    async with open_store(s3_url) as store, client:
        await store.put(KEY, b"x")
        url = await signed(store, "GET", expires_s=1)

        await asyncio.sleep(2.5)

        assert (await client.get(url)).status_code == 403


async def test_a_signed_url_never_carries_the_secret(s3_url: str) -> None:
    async with open_store(s3_url) as store:
        assert (urlsplit(s3_url).password or "?") not in await signed(store, "GET")


@pytest.mark.parametrize("store_url", ["memory", "file"], indirect=True)
async def test_a_store_that_nobody_can_reach_signs_nothing(store: BlobStore) -> None:
    assert await store.sign("GET", KEY, 60) is None


@pytest.mark.parametrize("expires_s", [0, -1, 8 * 24 * 3600])
async def test_a_signature_for_no_time_or_too_long_is_refused(s3_url: str, expires_s: int) -> None:
    async with open_store(s3_url) as store:
        with pytest.raises(ValueError, match="signature lasts"):
            await store.sign("GET", KEY, expires_s)
        with pytest.raises(BlobKeyRefused):
            await store.sign("GET", "../outside", 60)
