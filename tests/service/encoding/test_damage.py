"""F12: a bit flips in a stored object; whoever reads it is told, and never given other bytes."""

import os

import httpx
import pytest

from tests.service.encoding.conftest import EncodedBucket, MakeBucket
from tests.service.encoding.test_encoded_files import LARGE, SETTINGS, SMALL, a_new_text

ENCODED = [name for name in SETTINGS if name != "plain"]


async def flip_a_bit(bucket: EncodedBucket, path: str, *, share: float) -> None:
    """Flip one bit of what is stored of the file, ``share`` of the way through it."""
    place = await bucket.place(path)
    found = bytearray(await (await bucket.store.get(place.key)).read())
    found[place.offset + int(place.stored_bytes * share)] ^= 0x10
    await bucket.store.put(place.key, bytes(found))


@pytest.mark.parametrize("settings", SETTINGS)
@pytest.mark.parametrize("coding", ["identity", "zstd"])
async def test_a_small_file_with_a_flipped_bit_is_answered_with_502(
    a_bucket: MakeBucket, settings: str, coding: str
) -> None:
    bucket = await a_bucket(**SETTINGS[settings])
    await bucket.put("notes.txt", a_new_text(SMALL))

    await flip_a_bit(bucket, "notes.txt", share=0.5)
    answer = await bucket.get("notes.txt", **{"accept-encoding": coding})

    assert answer.status_code == 502
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["type"] == "urn:strongroom:problem:file-damaged"


@pytest.mark.parametrize("settings", SETTINGS)
@pytest.mark.parametrize("coding", ["identity", "zstd"])
async def test_a_large_file_with_a_flipped_bit_never_comes_whole(
    a_bucket: MakeBucket, settings: str, coding: str
) -> None:
    bucket = await a_bucket(**SETTINGS[settings])
    await bucket.put("notes.txt", a_new_text(LARGE))

    await flip_a_bit(bucket, "notes.txt", share=0.7)

    wish = {"accept-encoding": coding}
    async with bucket.http.stream("GET", bucket.url("notes.txt"), headers=wish) as answer:
        if answer.status_code == 200:  # it had begun: it is cut off, short of its Content-Length
            with pytest.raises(httpx.RemoteProtocolError):
                _ = [chunk async for chunk in answer.aiter_raw()]
            return
    assert answer.status_code == 502


@pytest.mark.parametrize("settings", ENCODED)
async def test_a_range_of_damaged_frames_is_answered_with_502(
    a_bucket: MakeBucket, settings: str
) -> None:
    bucket, body = await a_bucket(**SETTINGS[settings]), os.urandom(LARGE)
    await bucket.put("noise.bin", body)

    await flip_a_bit(bucket, "noise.bin", share=0.5)
    middle = LARGE // 2
    whole = await bucket.get("noise.bin", range="bytes=100-199")
    damaged = await bucket.get("noise.bin", range=f"bytes={middle - 9}-{middle + 9}")

    assert whole.content == body[100:200]
    assert damaged.status_code == 502
