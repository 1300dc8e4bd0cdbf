"""Bodies stream: what a process holds depends on the parts in flight, never on the blob."""

import asyncio
import re
from pathlib import Path

import pytest

from libs.blobs import Backends, BlobStore, open_store
from tests.conformance.bodies import MIB, repeated, some_bytes
from tests.conformance.faulty import answering, at_port

pytestmark = pytest.mark.skipif(
    not Path("/proc/self/clear_refs").exists(), reason="reads the peak from Linux' /proc"
)


def resident_bytes(what: str = "VmRSS") -> int:
    status = Path("/proc/self/status").read_text()
    found = re.search(rf"{what}:\s+(\d+) kB", status)
    assert found is not None
    return int(found[1]) * 1024


@pytest.fixture
def before() -> int:
    """The memory held now; the peak is counted from here."""
    Path("/proc/self/clear_refs").write_text("5")
    return resident_bytes()


@pytest.mark.parametrize("store_url", ["file", "s3", "gs", "az"], indirect=True)
async def test_one_large_blob_goes_in_and_out_in_little_memory(
    store: BlobStore, before: int
) -> None:
    await store.put("large", repeated(some_bytes(MIB), 256))
    got = 0
    async for chunk in await store.get("large"):
        got += len(chunk)

    assert got == 256 * MIB
    assert resident_bytes("VmHWM") - before < 48 * MIB


@pytest.mark.parametrize("store_url", ["file", "s3", "gs", "az"], indirect=True)
async def test_eight_at_once_share_a_hundred_and_thirty_megabytes(
    store: BlobStore, before: int
) -> None:
    async def there_and_back(key: str) -> int:
        await store.put(key, repeated(some_bytes(64 * 1024), 48 * 16))
        return sum([len(chunk) async for chunk in await store.get(key)])

    sizes = await asyncio.gather(*(there_and_back(f"large/{n}") for n in range(8)))

    assert sizes == [48 * MIB] * 8
    assert resident_bytes("VmHWM") - before < 130 * MIB


async def test_eight_that_move_to_the_fallback_at_once_take_little_more(
    s3_url: str, tmp_path: Path, before: int
) -> None:
    answer = b"HTTP/1.1 503 Slow Down\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    async with (
        answering(answer) as port,
        open_store(at_port(s3_url, port)) as primary,
        open_store(f"file://{tmp_path}") as fallback,
    ):
        # Never stale: each finds out by itself that the primary refuses.
        backends = Backends(primary, fallback, fresh_s=float("inf"))

        taken = await asyncio.gather(
            *(
                backends.put(f"large/{n}", repeated(some_bytes(64 * 1024), 48 * 16))
                for n in range(8)
            )
        )
        await backends.close()

    assert taken == [("fallback", 48 * MIB)] * 8
    assert resident_bytes("VmHWM") - before < 130 * MIB
