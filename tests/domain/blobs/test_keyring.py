"""Master keys: read from text, wrapping data keys, and replaced without touching a blob's bytes."""

import base64
import os
from uuid import uuid4

import pytest
from msgspec.structs import replace

from libs.blobs.encoding.damage import Damaged
from libs.blobs.encoding.keyring import (
    Keyring,
    MasterKeyMissing,
    MasterKeysInvalid,
    new_data_key,
    new_master_key,
    rewrapped,
)
from tests.domain.blobs.bodies import PLANS, Shelf

KEY = base64.b64encode(b"k" * 32).decode()
OTHER = base64.b64encode(b"o" * 32).decode()


async def test_the_first_key_wraps_and_all_unwrap() -> None:
    old, new = new_master_key("2026-10"), new_master_key("2026-11")
    before, blob_id, data_key = Keyring.parse(old), uuid4(), new_data_key()
    sealed = await before.wrap(data_key, blob_id)

    after = Keyring.parse(f"# newest first\n{new}\n\n{old}  # still in use\n")

    assert after.newest == "2026-11"
    assert await after.unwrap(sealed, blob_id) == data_key
    assert (await after.wrap(data_key, blob_id)).master == "2026-11"


async def test_a_wrapped_key_opens_for_its_own_blob_and_master_key_only() -> None:
    keys, blob_id = Keyring.parse(f"a:{KEY},b:{KEY}"), uuid4()
    sealed = await keys.wrap(new_data_key(), blob_id)

    with pytest.raises(Damaged):
        await keys.unwrap(sealed, uuid4())
    with pytest.raises(Damaged):
        await keys.unwrap(replace(sealed, master="b"), blob_id)
    for cut in range(len(sealed.wrapped)):
        with pytest.raises(Damaged):
            await keys.unwrap(replace(sealed, wrapped=sealed.wrapped[:cut]), blob_id)


async def test_a_blob_is_read_with_its_key_wrapped_anew_and_its_bytes_untouched() -> None:
    old, new = new_master_key("old"), new_master_key("new")
    shelf = Shelf(Keyring.parse(old))
    place = await shelf.put(b"written before", PLANS["zstd-sealed"])
    assert place.sealed is not None

    sealed = await rewrapped(Keyring.parse(f"{new}\n{old}"), place.sealed, place.blob_id)

    later = Shelf(Keyring.parse(new))
    later.depot.backends = shelf.depot.backends
    assert sealed.master == "new"
    assert await later.read(replace(place, sealed=sealed)) == b"written before"


async def test_without_keys_nothing_is_encrypted_and_nothing_is_stored() -> None:
    shelf = Shelf(Keyring.parse(None))

    with pytest.raises(MasterKeyMissing):
        await shelf.put(b"secret", PLANS["sealed"])

    assert [stat async for stat in shelf.store.list()] == []


@pytest.mark.parametrize(
    "text",
    [
        KEY,
        f":{KEY}",
        f"two words:{KEY}",
        "a:short",
        "a:%%%",
        f"a:{base64.b64encode(os.urandom(16)).decode()}",
        f"a:{KEY},a:{OTHER}",
    ],
    ids=["no-id", "empty-id", "odd-id", "short", "no-base64", "16-bytes", "twice"],
)
def test_keys_that_are_none_are_refused_without_repeating_them(text: str) -> None:
    with pytest.raises(MasterKeysInvalid) as refused:
        Keyring.parse(text)

    assert KEY not in str(refused.value)
    assert OTHER not in str(refused.value)
