"""URLs of the store itself, for clients that hold no credentials."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import quote, urlsplit

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from libs.blobs import BlobKeyRefused, BlobNotFound, BlobStore, SignedMethod, open_store
from tests.conformance.bodies import MIB, some_bytes
from tests.conformance.faulty import Cable, at_port, port_of
from tests.conformance.ports import HOST

KEY = "blobs/2026/11/22/signed"


@pytest.fixture(scope="session")
def service_account(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The key file of an account of Google's that nobody has."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    account = {"client_email": "signer@strongroom.test", "private_key_id": "1", "private_key": pem}
    path = tmp_path_factory.mktemp("account") / "account.json"
    path.write_text(json.dumps(account))
    return path


@pytest.fixture
def signing_url(bucket_url: str, request: pytest.FixtureRequest) -> str:
    """A bucket of each kind, with what it takes to sign."""
    if not bucket_url.startswith("gs:"):
        return bucket_url
    return f"{bucket_url}&credentials={quote(str(request.getfixturevalue('service_account')))}"


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(trust_env=False) as client:
        yield client


async def signed(store: BlobStore, method: SignedMethod, key: str = KEY, *, for_s: int = 60) -> str:
    url = await store.sign(method, key, for_s)
    assert url is not None
    return url


async def test_a_signed_put_stores_what_the_client_sends(
    signing_url: str, client: httpx.AsyncClient
) -> None:
    data = some_bytes(6 * MIB, seed=71)
    async with open_store(signing_url) as store:
        url = await signed(store, "PUT")

        answer = await client.put(url, content=data, headers=dict(store.put_headers))

        assert answer.status_code in {200, 201}
        assert await (await store.get(KEY)).read() == data


async def test_a_signed_get_gives_the_blob_whole_and_in_ranges(
    signing_url: str, client: httpx.AsyncClient
) -> None:
    async with open_store(signing_url) as store:
        await store.put(KEY, b"0123456789")
        url = await signed(store, "GET")

        whole = await client.get(url)
        part = await client.get(url, headers={"Range": "bytes=2-4"})
        head = await client.head(await signed(store, "HEAD"))

    assert whole.content == b"0123456789"
    assert (part.status_code, part.content) == (206, b"234")
    assert (head.status_code, head.headers.get("content-length")) == (200, "10")


# Google's emulator looks at no signature.
@pytest.mark.parametrize("bucket_url", ["s3", "az"], indirect=True)
async def test_a_signature_is_good_for_one_method_and_one_key(
    signing_url: str, client: httpx.AsyncClient
) -> None:
    async with open_store(signing_url) as store:
        await store.put(KEY, b"first")
        url = await signed(store, "GET")
        other = urlsplit(url)._replace(path=urlsplit(url).path + "2").geturl()

        headers = dict(store.put_headers)
        assert (await client.put(url, content=b"second", headers=headers)).status_code == 403
        assert (await client.delete(url)).status_code == 403
        assert (await client.get(other)).status_code == 403
        assert await (await store.get(KEY)).read() == b"first"
        with pytest.raises(BlobNotFound):
            await store.head(KEY + "2")


@pytest.mark.parametrize("bucket_url", ["s3", "az"], indirect=True)
async def test_a_signature_ends(signing_url: str, client: httpx.AsyncClient) -> None:
    async with open_store(signing_url) as store:
        await store.put(KEY, b"x")
        url = await signed(store, "GET", for_s=1)

        await asyncio.sleep(2.5)

        assert (await client.get(url)).status_code == 403


async def test_a_signature_holds_for_the_address_it_was_made_for(
    s3_url: str, client: httpx.AsyncClient
) -> None:
    async with (
        Cable(HOST, port_of(s3_url)).plugged_in() as public,
        open_store(s3_url) as store,
        open_store(at_port(s3_url, public.port)) as signer,
    ):
        await store.put(KEY, b"x")

        url = await signed(signer, "GET")

        assert port_of(url) == public.port
        assert (await client.get(url)).content == b"x"
        assert (await client.get(at_port(url, port_of(s3_url)))).status_code == 403


async def test_a_signed_url_never_carries_the_secret(signing_url: str) -> None:
    async with open_store(signing_url) as store:
        assert (urlsplit(signing_url).password or "PRIVATE") not in await signed(store, "GET")


@pytest.mark.parametrize("store_url", ["memory", "file", "gs"], indirect=True)
async def test_a_store_with_nothing_to_sign_with_signs_nothing(store: BlobStore) -> None:
    assert await store.sign("GET", KEY, 60) is None


@pytest.mark.parametrize("expires_s", [0, -1, 8 * 24 * 3600])
async def test_a_signature_for_no_time_or_too_long_is_refused(
    signing_url: str, expires_s: int
) -> None:
    async with open_store(signing_url) as store:
        with pytest.raises(ValueError, match="signature lasts"):
            await store.sign("GET", KEY, expires_s)
        with pytest.raises(BlobKeyRefused):
            await store.sign("GET", "../outside", 60)
