"""Only names that mean the same everywhere are keys."""

import pytest

from libs.blobs import BlobKeyRefused, BlobStore

REFUSED = [
    "",
    "/",
    "/absolute",
    "a/",
    "a//b",
    "..",
    "../outside",
    "a/../../outside",
    "a/./b",
    ".staging/x",
    ".hidden",
    "a/.hidden",
    "back\\slash",
    "nul\0",
    "new\nline",
    "line\n",
    "sp ace",
    "per%2e%2ecent",
    "query?x=1",
    "frag#ment",
    "UPPER",
    "ünïcode",
    "ｆｕｌｌ",
    "bidi\u202e",
    "a:b",
    "~root",
    "-option",
    "s" * 201,
    "/".join(["seg"] * 200),
]


@pytest.mark.parametrize("key", REFUSED)
async def test_a_key_that_could_mean_something_else_is_refused(store: BlobStore, key: str) -> None:
    with pytest.raises(BlobKeyRefused):
        await store.put(key, b"x")
    with pytest.raises(BlobKeyRefused):
        await store.get(key)
    with pytest.raises(BlobKeyRefused):
        await store.head(key)
    with pytest.raises(BlobKeyRefused):
        await store.delete(key)


@pytest.mark.parametrize("key", ["a", "_a", "0/1/2", "a.b-c_d/e.tar.zst", "x" * 200])
async def test_a_plain_key_is_kept_as_it_is(store: BlobStore, key: str) -> None:
    await store.put(key, b"x")

    assert [stat.key async for stat in store.list()] == [key]
