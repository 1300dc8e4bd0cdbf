"""Encoding streams: what a process holds depends on the frames, never on the blob."""

from pathlib import Path
from uuid import uuid4

import pytest

from libs.blobs import open_store
from libs.blobs.depot import Depot
from libs.blobs.fallback import Backends
from tests.conformance.bodies import MIB, repeated, some_bytes
from tests.conformance.test_bounded_memory import before as before
from tests.conformance.test_bounded_memory import pytestmark as pytestmark
from tests.conformance.test_bounded_memory import resident_bytes
from tests.domain.blobs.bodies import KEYS, PLANS, a_place


@pytest.mark.parametrize("plan", PLANS)
async def test_one_large_blob_goes_in_and_out_in_little_memory(
    plan: str, tmp_path: Path, before: int
) -> None:
    blob_id, size = uuid4(), 256 * MIB
    async with open_store(f"file://{tmp_path}/store") as store:
        depot = Depot(Backends(store), KEYS)
        written = await depot.write(
            "large", repeated(some_bytes(MIB), 256), blob_id=blob_id, plan=PLANS[plan]
        )
        place = a_place("large", size, written, blob_id=blob_id)
        got = 0
        async for chunk in await depot.read(place):
            got += len(chunk)

    assert got == size
    assert resident_bytes("VmHWM") - before < 48 * MIB
