"""The stored format is what ``docs/blob-format.md`` says, for ever."""

import json
import re
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from libs.blobs.encoding.frames import FrameCipher, sealed_size
from libs.blobs.encoding.keyring import Keyring
from libs.blobs.encoding.seek_table import table_size
from libs.contracts.storage import BlobPlace, SealedKey
from tests.domain.blobs import reference
from tests.domain.blobs.bodies import PLANS, Shelf, a_text

PAGE = Path(__file__).parents[3] / "docs" / "blob-format.md"
BLOB = UUID("0190a5b0-0000-7000-8000-000000000001")
DATA_KEY, MASTER_KEY = bytes(range(32)), bytes(range(32, 64))
TEXT = b"strongroom " * 32


def example(title: str) -> Any:
    """The JSON below a heading of the page."""
    found = re.search(
        rf"^### {title}$.*?```json\n(.*?)```", PAGE.read_text(), re.DOTALL | re.MULTILINE
    )
    assert found is not None
    return json.loads(found[1])


def test_frames_are_sealed_as_documented() -> None:
    cipher = FrameCipher(DATA_KEY, BLOB)

    for original, stored in example("Sealed").items():
        assert cipher.seal(0, original.encode(), ends=True).hex() == stored
        assert reference.opened(bytes.fromhex(stored), DATA_KEY, BLOB) == original.encode()
    two = cipher.seal(0, bytes(65537), ends=True)
    assert sha256(two).hexdigest() == example("Two frames")["stored_sha256"]
    assert len(two) == sealed_size(65537)


@pytest.mark.parametrize("title", ["Compressed", "Compressed and sealed"])
async def test_stored_bytes_are_read_as_documented(title: str) -> None:
    stored = bytes.fromhex(example(title)["stored"])
    sealed = None
    if title.endswith("sealed"):
        wrapped = bytes.fromhex(example("A wrapped data key")["wrapped"])
        sealed = SealedKey(master="2026-11", wrapped=wrapped)
    place = BlobPlace(
        blob_id=BLOB,
        key="blobs/documented",
        size=len(TEXT),
        sha256=sha256(TEXT).hexdigest(),
        stored_size=len(stored),
        codec="zstd",
        sealed=sealed,
    )
    shelf = Shelf(Keyring({"2026-11": MASTER_KEY}))
    await shelf.replace(place, stored)

    assert await shelf.read(place) == TEXT
    assert await shelf.read(place, 11, 21) == b"strongroom"


async def test_a_data_key_is_wrapped_as_documented() -> None:
    wrapped = bytes.fromhex(example("A wrapped data key")["wrapped"])
    keys = Keyring({"2026-11": MASTER_KEY})

    assert await keys.unwrap(SealedKey(master="2026-11", wrapped=wrapped), BLOB) == DATA_KEY
    ours = await keys.wrap(DATA_KEY, BLOB)
    assert reference.unwrapped(ours.wrapped, MASTER_KEY, "2026-11", BLOB) == DATA_KEY


@pytest.mark.parametrize("plan", ["zstd", "sealed", "zstd-sealed"])
@pytest.mark.parametrize("size", [300, 65_536, 524_288, 1_500_000])
async def test_a_naive_reader_of_the_page_reads_what_we_write(plan: str, size: int) -> None:
    keys = Keyring({"m": MASTER_KEY})
    shelf, body = Shelf(keys), a_text(size)
    place = await shelf.put(body, PLANS[plan])

    read = await shelf.stored(place)
    if place.sealed is not None:
        data_key = reference.unwrapped(place.sealed.wrapped, MASTER_KEY, "m", place.blob_id)
        read = reference.opened(read, data_key, place.blob_id)
    if place.codec is not None:
        assert read[-table_size(size) :][:4] == bytes.fromhex("5e2a4d18")
        read = reference.decompressed(read)

    assert read == body
