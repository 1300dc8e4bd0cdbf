"""The check by ClamAV, against a socket server that speaks the protocol of ``clamd``.

``clamd`` itself comes in no wheel; what it says is as its manual and its sources have it.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from libs.blobs import Backends, BlobStore
from libs.blobs.depot import Depot
from libs.blobs.encoding.keyring import Keyring
from libs.chassis.database import Database
from libs.contracts.ids import new_id
from libs.contracts.storage import FileCheck, GetCheck, UpdateBucket
from services.storage.checkers import make_checks
from services.storage.clamd import ClamdUnavailable, Scan, scan
from services.storage.requests.buckets import update_bucket
from services.storage.settings import Settings
from tests.platform import Platform
from tests.service.storage.bucket import ACTOR, Bucket

EICAR = rb"X5O!P%@AP[4\PZX54(P^)7CC)7}$" + b"EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"
MOST_BYTES = 1_000_000


class Clamd:
    """Answers ``INSTREAM`` as clamd does: finds EICAR, and takes so many bytes at most."""

    def __init__(self) -> None:
        self.asked = 0
        self.answer: bytes | None = None
        """Said to whatever comes, if it is set; empty: nothing."""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.asked += 1
        try:
            if await reader.readexactly(10) == b"zINSTREAM\0":
                said = await self._look_through(reader) if self.answer is None else self.answer
                writer.write(said)
                await writer.drain()
                while said[-1:] != b"O" and await reader.read(65536):
                    pass  # until the client hangs up
        except (asyncio.IncompleteReadError, ConnectionError):
            return  # the client has gone
        finally:
            writer.close()

    async def _look_through(self, reader: asyncio.StreamReader) -> bytes:
        got = bytearray()
        while size := int.from_bytes(await reader.readexactly(4), "big"):
            if len(got) + size > MOST_BYTES:
                return b"INSTREAM size limit exceeded. ERROR\0"
            got += await reader.readexactly(size)
        return b"stream: Eicar-Test-Signature FOUND\0" if EICAR in got else b"stream: OK\0"


@asynccontextmanager
async def listening(clamd: Clamd) -> AsyncIterator[str]:
    server = await asyncio.start_server(clamd.serve, "127.0.0.1", 0)
    async with server:
        yield f"tcp://127.0.0.1:{server.sockets[0].getsockname()[1]}"


@pytest.fixture
def clamd() -> Clamd:
    return Clamd()


@pytest.fixture
async def address(clamd: Clamd) -> AsyncIterator[str]:
    async with listening(clamd) as where:
        yield where


@pytest.fixture
def keys(storage_environment: dict[str, str]) -> Keyring:
    return Keyring.parse(storage_environment.get("STRONGROOM_STORAGE_MASTER_KEYS"))


@pytest.fixture
def settings(platform: Platform, storage_environment: dict[str, str], address: str) -> Settings:
    """The settings of a replica that has a clamd."""
    return Settings(
        database_url=platform.database_urls["storage"],
        nats_url=platform.nats_url,
        store_url=storage_environment["STRONGROOM_STORAGE_STORE_URL"],
        clamd_address=address,
        clamd_timeout_s=1.0,
        clamd_most_bytes=MOST_BYTES,
    )


@pytest.fixture
def check(db: Database, store: BlobStore, keys: Keyring) -> Callable[[Settings], Awaitable[None]]:
    """Make the checks that are due, as a replica with these settings."""
    depot = Depot(Backends(store), keys)

    async def check(settings: Settings) -> None:
        await make_checks(db, depot, settings)

    return check


@pytest.fixture
async def bucket(
    a_bucket: Callable[[], Awaitable[Bucket]], db: Database, keys: Keyring, settings: Settings
) -> Bucket:
    """A bucket that requires ClamAV, as an installation with it allows."""
    made = await a_bucket()
    wish = UpdateBucket(name=made.name, actor=ACTOR, checks=["clamav"])
    await update_bucket(wish, db, keys, settings)
    return made


async def pieces(*parts: bytes) -> AsyncIterator[bytes]:
    for part in parts:
        yield part


async def put(bucket: Bucket, body: bytes, **wish: Any) -> FileCheck:
    stored = await bucket.put("a", body, **wish)
    assert stored.check is not None
    return stored.check


async def look(bucket: Bucket, check: FileCheck) -> FileCheck:
    return await bucket.ask(GetCheck(bucket=bucket.name, check_id=check.check_id))


@pytest.mark.parametrize(
    ("parts", "found"),
    [
        ([b"clean", b"", b"bytes"], Scan(clean=True)),
        ([], Scan(clean=True)),
        ([EICAR[:30], EICAR[30:]], Scan(clean=False, reason="Eicar-Test-Signature")),
        (
            [os.urandom(300_000)] * 20,
            Scan(clean=False, reason="larger than clamd looks through"),
        ),
    ],
    ids=["clean", "empty", "eicar-in-two", "too-large"],
)
async def test_clamd_is_understood(address: str, parts: list[bytes], found: Scan) -> None:
    assert await scan(address, pieces(*parts), timeout_s=5.0) == found


async def test_a_unix_socket_will_do(clamd: Clamd, tmp_path: Path) -> None:
    server = await asyncio.start_unix_server(clamd.serve, tmp_path / "clamd.sock")
    async with server:
        found = await scan(f"unix://{tmp_path}/clamd.sock", pieces(EICAR), timeout_s=5.0)

    assert not found.clean


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"stream: Can't allocate memory ERROR\0",
        b"stream: O",
        b"UNKNOWN COMMAND\0",
        b"x" * 9000,
    ],
    ids=["silence", "error", "half", "unknown", "endless"],
)
async def test_what_says_nothing_about_the_bytes_is_no_verdict(
    clamd: Clamd, address: str, answer: bytes
) -> None:
    clamd.answer = answer

    with pytest.raises(ClamdUnavailable):
        await scan(address, pieces(b"bytes"), timeout_s=0.3)


async def test_nobody_listening_is_no_verdict(tmp_path: Path) -> None:
    with pytest.raises(ClamdUnavailable):
        await scan(f"unix://{tmp_path}/none", pieces(b"bytes"), timeout_s=0.3)


async def test_clean_content_becomes_visible_and_a_virus_never(
    bucket: Bucket, check: Callable[[Settings], Awaitable[None]], settings: Settings
) -> None:
    clean = await put(bucket, new_id().bytes)
    virus = await put(bucket, EICAR + new_id().bytes)
    large = await put(bucket, os.urandom(MOST_BYTES + 1))

    await asyncio.gather(check(settings), check(settings))

    assert (await look(bucket, clean)).state == "visible"
    found = [await look(bucket, one) for one in (virus, large)]
    assert [one.state for one in found] == ["refused", "refused"]
    assert [one.reason for one in found] == [
        "clamav: Eicar-Test-Signature",
        "clamav: larger than clamd looks through",
    ]
    assert (await bucket.get("a")).file.sha256 == clean.sha256


async def test_while_clamd_is_away_content_waits_and_is_tried_again(
    bucket: Bucket,
    check: Callable[[Settings], Awaitable[None]],
    settings: Settings,
    clamd: Clamd,
    db: Database,
    tmp_path: Path,
) -> None:
    waits = await put(bucket, new_id().bytes)

    await check(replace(settings, clamd_address=f"unix://{tmp_path}/none"))
    put_off = await look(bucket, waits)
    await check(settings)
    too_soon = clamd.asked
    async with db.connection() as conn:
        await conn.execute(
            "UPDATE pending_check SET due_at = now() WHERE check_id = $1", waits.check_id
        )
    await check(settings)

    assert (put_off.state, put_off.verdicts, too_soon) == ("waiting", [], 0)
    assert (await look(bucket, waits)).state == "visible"


async def test_a_replica_without_clamd_leaves_it_to_the_others(
    bucket: Bucket, check: Callable[[Settings], Awaitable[None]], settings: Settings
) -> None:
    waits = await put(bucket, new_id().bytes)

    await check(replace(settings, clamd_address=None))
    left = await look(bucket, waits)
    await check(settings)

    assert left.state == "waiting"
    assert (await look(bucket, waits)).state == "visible"
