"""Whatever happens to stored bytes, the original comes back or an error does."""

import os
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from libs.blobs import BlobDamaged, BlobTruncated, StoreUnavailable
from libs.blobs.encoding import frames, seek_table
from libs.blobs.encoding.keyring import Keyring
from libs.contracts.storage import BlobPlace
from tests.domain.blobs.bodies import PLANS, Shelf, a_text

FRAME = frames.SEALED_FRAME_BYTES
LONG = a_text(seek_table.FRAME_BYTES + 3 * frames.FRAME_BYTES + 5)
NOISE = os.urandom(5 * frames.FRAME_BYTES + 5)
SEALED_PLANS = ["sealed", "zstd-sealed"]
PROVEN_PLANS = ["zstd", "sealed", "zstd-sealed"]
"""Bytes that are stored as they came prove nothing: who reads all of them compares the digest."""


async def read_or_nothing(shelf: Shelf, place: BlobPlace) -> bytes | None:
    """Return the original, or None where that was refused with one of the names for it."""
    try:
        return await shelf.read(place)
    except (BlobDamaged, BlobTruncated):
        return None


def flipped(stored: bytes, bit: int) -> bytes:
    damaged = bytearray(stored)
    damaged[bit // 8] ^= 1 << bit % 8
    return bytes(damaged)


@pytest.mark.parametrize("plan", PROVEN_PLANS)
async def test_no_flipped_bit_of_a_small_blob_gives_other_bytes(plan: str) -> None:
    shelf, body = Shelf(), a_text(400)
    place = await shelf.put(body, PLANS[plan])
    stored = await shelf.stored(place)

    unnoticed = 0
    for bit in range(len(stored) * 8):
        await shelf.replace(place, flipped(stored, bit))
        read = await read_or_nothing(shelf, place)
        assert read in (None, body), f"bit {bit}"
        unnoticed += read is not None

    # zstd ignores a few bits, such as padding between its streams; a seal ignores none.
    assert unnoticed <= (8 if plan == "zstd" else 0)


@pytest.mark.parametrize("plan", PROVEN_PLANS)
@settings(max_examples=60)
@given(where=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
async def test_no_flipped_bit_of_a_large_blob_gives_other_bytes(
    plan: str, where: float, bit: int
) -> None:
    shelf = Shelf()
    place = await shelf.put(LONG, PLANS[plan])
    stored = await shelf.stored(place)

    await shelf.replace(place, flipped(stored, int(where * len(stored)) * 8 + bit))

    assert await read_or_nothing(shelf, place) in ([None] if "sealed" in plan else [None, LONG])


@pytest.mark.parametrize("plan", SEALED_PLANS)
async def test_no_range_of_damaged_frames_gives_other_bytes(plan: str) -> None:
    shelf = Shelf()
    place = await shelf.put(LONG, PLANS[plan])
    stored = await shelf.stored(place)
    damaged = len(stored) // 2
    await shelf.replace(place, flipped(stored, damaged * 8))

    seams = range(0, len(LONG) + 1, 4096)
    refused = 0
    for start, end in pairwise([*seams, len(LONG)]):
        try:
            assert await shelf.read(place, start, end) == LONG[start:end]
        except BlobDamaged:
            refused += 1

    assert refused


@pytest.mark.parametrize("plan", PLANS)
@pytest.mark.parametrize("kept", [0, 1, 0.5, -17, -1], ids=str)
async def test_an_object_that_ends_too_early_is_an_error(plan: str, kept: float) -> None:
    shelf = Shelf()
    place = await shelf.put(LONG, PLANS[plan])
    stored = await shelf.stored(place)

    await shelf.replace(place, stored[: int(len(stored) * kept) if kept == 0.5 else int(kept)])

    with pytest.raises(BlobTruncated):
        await shelf.read(place)


@pytest.mark.parametrize("plan", PROVEN_PLANS)
async def test_a_record_that_tells_of_fewer_stored_bytes_opens_none(plan: str) -> None:
    shelf = Shelf()
    place = await shelf.put(LONG, PLANS[plan])

    for fewer in (1, frames.TAG_BYTES, FRAME, place.stored_bytes):
        shorter = replace(place, stored_size=place.stored_bytes - fewer)
        with pytest.raises((BlobDamaged, BlobTruncated)):
            await shelf.read(shorter)


@pytest.mark.parametrize("one", range(6), ids="frame-{}".format)
async def test_sealed_frames_open_in_their_own_place_only(one: int) -> None:
    shelf = Shelf()
    place = await shelf.put(NOISE, PLANS["sealed"])
    stored = await shelf.stored(place)
    cut = [stored[at : at + FRAME] for at in range(0, len(stored), FRAME)]

    for other in range(len(cut) - 1):
        swapped = list(cut)
        swapped[one], swapped[other] = swapped[other], swapped[one]
        if len(b"".join(swapped)) == len(stored) and one != other:
            await shelf.replace(place, b"".join(swapped))
            assert await read_or_nothing(shelf, place) is None


@pytest.mark.parametrize("kept", range(6), ids="{}-frames".format)
async def test_sealed_frames_do_not_end_before_the_last(kept: int) -> None:
    shelf = Shelf()
    place = await shelf.put(NOISE, PLANS["sealed"])
    shorter = replace(place, size=kept * frames.FRAME_BYTES, stored_size=kept * FRAME)

    with pytest.raises(BlobDamaged):
        await shelf.read(shorter)


@pytest.mark.parametrize("plan", SEALED_PLANS)
async def test_sealed_bytes_open_as_their_own_blob_only(plan: str) -> None:
    shelf = Shelf()
    one = await shelf.put(a_text(900), PLANS[plan], key="blobs/one")
    other = await shelf.put(a_text(900), PLANS[plan], key="blobs/other")

    for mixed in (
        replace(one, key=other.key),
        replace(one, sealed=other.sealed),
        replace(one, blob_id=other.blob_id),
        replace(one, key=other.key, sealed=other.sealed),
    ):
        with pytest.raises(BlobDamaged):
            await shelf.read(mixed)


async def test_sealed_bytes_say_nothing_of_the_original() -> None:
    shelf, body = Shelf(), a_text(1000)
    first = await shelf.put(body, PLANS["sealed"], key="blobs/one")
    second = await shelf.put(body, PLANS["sealed"], key="blobs/other")

    stored, again = await shelf.stored(first), await shelf.stored(second)

    assert body[:16] not in stored
    assert stored[:16] != again[:16]


async def test_without_its_master_key_a_blob_is_not_damaged_but_unavailable() -> None:
    shelf = Shelf()
    place = await shelf.put(b"secret", PLANS["sealed"])

    shelf_without = Shelf(Keyring({"k2": os.urandom(32)}))
    shelf_without.depot.backends = shelf.depot.backends

    with pytest.raises(StoreUnavailable, match="k1"):
        await shelf_without.read(place)


@pytest.mark.parametrize("plan", PROVEN_PLANS)
@settings(max_examples=200)
@given(garbage=st.binary(max_size=400), size=st.integers(1, 2 * seek_table.FRAME_BYTES))
async def test_what_was_never_written_is_refused_by_name(
    plan: str, garbage: bytes, size: int
) -> None:
    shelf = Shelf()
    place = await shelf.put(a_text(400), PLANS[plan])

    await shelf.replace(place, garbage)

    never = replace(place, size=size, stored_size=len(garbage))
    assert await read_or_nothing(shelf, never) is None


@settings(max_examples=200)
@given(
    flips=st.lists(st.integers(0, 8 * 300), min_size=1, max_size=6, unique=True),
    cut=st.integers(0, 20),
)
async def test_no_damage_of_compressed_bytes_gives_others(flips: list[int], cut: int) -> None:
    shelf, body = Shelf(), a_text(3000)
    place = await shelf.put(body, PLANS["zstd"])
    stored = await shelf.stored(place)

    for bit in flips:
        stored = flipped(stored, bit % (8 * len(stored)))
    stored = stored[: len(stored) - cut]
    await shelf.replace(place, stored)

    assert await read_or_nothing(shelf, replace(place, stored_size=len(stored))) in (None, body)
