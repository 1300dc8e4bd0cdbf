"""Ranges of the original come back exactly, whatever was done to the bytes."""

from collections.abc import AsyncIterator
from functools import cache
from uuid import uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from libs.blobs import BodySizeMismatch, RangeNotSatisfiable
from libs.blobs.encoding import frames, seek_table
from libs.contracts.storage import BlobPlace
from tests.domain.blobs.bodies import PLANS, Shelf, a_place, a_text

SEALED, PACKED = frames.FRAME_BYTES, seek_table.FRAME_BYTES
SIZES = (0, 1, SEALED - 1, SEALED, SEALED + 1, PACKED, PACKED + 1, 2 * PACKED + SEALED + 17)

_shelves: dict[tuple[str, int], tuple[Shelf, BlobPlace]] = {}


@cache
def body_of(size: int) -> bytes:
    return a_text(size)


async def shelved(plan: str, size: int) -> tuple[Shelf, BlobPlace]:
    """Return a body of ``size`` that was stored as ``plan`` says, once for all examples."""
    if (plan, size) not in _shelves:
        shelf = Shelf()
        _shelves[plan, size] = shelf, await shelf.put(body_of(size), PLANS[plan])
    return _shelves[plan, size]


@st.composite
def sizes_and_ranges(draw: st.DrawFn) -> tuple[int, int, int]:
    """Return a size and a range in it, often near where frames meet."""
    size = draw(st.sampled_from(SIZES))
    seams = list(range(0, size + 1, SEALED))
    near = st.builds(
        lambda seam, off: min(size, max(0, seam + off)),
        st.sampled_from(seams),
        st.integers(-2, 2),
    )
    anywhere = st.one_of(near, st.integers(0, size))
    start, end = sorted((draw(anywhere), draw(anywhere)))
    return size, start, end


@pytest.mark.parametrize("plan", PLANS)
@settings(max_examples=150)
@given(given_range=sizes_and_ranges())
async def test_any_range_is_that_of_the_original(
    plan: str, given_range: tuple[int, int, int]
) -> None:
    size, start, end = given_range
    shelf, place = await shelved(plan, size)

    body = await shelf.depot.read(place, start=start, end=end)
    read = await body.read()

    assert read == body_of(size)[start:end]
    assert (body.start, body.end, body.size) == (start, end, size)


@pytest.mark.parametrize("plan", PLANS)
async def test_a_range_that_goes_on_behind_the_end_ends_there(plan: str) -> None:
    shelf, place = await shelved(plan, SEALED + 1)

    assert await shelf.read(place, SEALED, 10 * SEALED) == body_of(SEALED + 1)[SEALED:]
    with pytest.raises(RangeNotSatisfiable):
        await shelf.depot.read(place, start=SEALED + 2)


@pytest.mark.parametrize("plan", PLANS)
@settings(max_examples=25)
@given(
    size=st.sampled_from(SIZES),
    piece=st.sampled_from([1000, SEALED, SEALED + 1, PACKED + 3]),
    announced=st.booleans(),
)
async def test_a_stream_is_stored_as_its_bytes_in_one_piece_are(
    plan: str, size: int, piece: int, announced: bool
) -> None:
    body, shelf, blob_id = body_of(size), Shelf(), uuid4()

    async def pieces() -> AsyncIterator[bytes]:
        for at in range(0, size, piece):
            yield body[at : at + piece]

    written = await shelf.depot.write(
        "blobs/s", pieces(), blob_id=blob_id, size=size if announced else None, plan=PLANS[plan]
    )

    place = a_place("blobs/s", size, written, blob_id=blob_id)
    assert written.size == size
    assert len(await shelf.stored(place)) == written.stored_size
    assert await shelf.read(place) == body
    in_one_piece = await shelf.put(body, PLANS[plan])
    assert (written.codec, written.stored_size) == (in_one_piece.codec, in_one_piece.stored_size)


@pytest.mark.parametrize("plan", PLANS)
@pytest.mark.parametrize("came", [SEALED - 1, SEALED + 1], ids=["too-few", "too-many"])
async def test_a_body_that_is_not_as_long_as_announced_is_not_stored(plan: str, came: int) -> None:
    shelf = Shelf()

    async def pieces() -> AsyncIterator[bytes]:
        yield body_of(SEALED + 1)[:came]

    with pytest.raises(BodySizeMismatch):
        await shelf.depot.write("blobs/s", pieces(), blob_id=uuid4(), size=SEALED, plan=PLANS[plan])

    assert [stat async for stat in shelf.store.list()] == []


@pytest.mark.parametrize("plan", PLANS)
async def test_bodies_that_share_an_object_are_read_each_by_itself(plan: str) -> None:
    shelf, bodies = Shelf(), [a_text(900), b"", b"x", a_text(70_000)]
    places, packed = [], b""
    for body in bodies:
        blob_id = uuid4()
        encoded = await shelf.depot.encode(body, blob_id=blob_id, plan=PLANS[plan])
        places.append(
            BlobPlace(
                blob_id=blob_id,
                key="blobs/pack",
                size=len(body),
                sha256="0" * 64,
                offset=len(packed),
                stored_size=len(encoded.stored),
                codec=encoded.codec,
                sealed=encoded.sealed,
            )
        )
        packed += encoded.stored
    await shelf.store.put("blobs/pack", packed)

    assert [await shelf.read(place) for place in places] == bodies
    assert await shelf.read(places[3], 65_000, 66_000) == bodies[3][65_000:66_000]
