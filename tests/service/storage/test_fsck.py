import asyncio
import sys
from typing import Any

import msgspec

from libs.blobs import BlobStore
from libs.chassis.database import Database
from libs.contracts.ids import new_id
from libs.contracts.storage import FindBlobs
from services.storage.domain.uploads import blob_key
from tests.service.storage.bucket import Bucket
from tests.service.storage.test_sweepers import an_old_id


async def fsck(environment: dict[str, str], *arguments: str) -> tuple[int, str]:
    """Run the operator's command beside the service; return its exit code and what it printed."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "services.storage",
        "fsck",
        *arguments,
        env=environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    printed, _ = await process.communicate()
    return process.returncode or 0, printed.decode()


async def differences(environment: dict[str, str], *arguments: str) -> dict[tuple[str, str], Any]:
    code, printed = await fsck(environment, "--json", *arguments)
    report = msgspec.json.decode(printed)
    assert code == (1 if report["differences"] else 0)
    return {(found["kind"], found["what"]): found for found in report["first_differences"]}


async def test_planted_differences_are_found_and_nothing_else(
    bucket: Bucket, db: Database, store: BlobStore, storage_environment: dict[str, str]
) -> None:
    body = new_id().bytes
    for path in ("lost", "cut", "wrong", "good"):
        await bucket.put(path, body + path.encode())
    await bucket.begin("in progress", b"not committed yet")
    lost, cut = [(await bucket.get(path)).blob.key for path in ("lost", "cut")]
    orphan, young = blob_key(an_old_id()), blob_key(new_id())
    before = await differences(storage_environment)

    await store.delete(lost)
    await store.put(cut, b"short")
    await store.put(orphan, b"orphan")
    await store.put(young, b"young")
    await _enlarge(db, "wrong", 1)
    planted = await differences(storage_environment)

    assert set(planted) - set(before) == {
        ("object-missing", lost),
        ("object-size", cut),
        ("object-unnamed", orphan),
        ("file-content", f"{bucket.name}/wrong"),
    }
    await store.put(lost, body + b"lost")
    await store.put(cut, body + b"cut")
    await store.delete(orphan)
    await store.delete(young)
    await _enlarge(db, "wrong", -1)
    assert await differences(storage_environment) == before


async def test_what_a_sweeper_would_delete_by_mistake_is_found(
    bucket: Bucket, db: Database, storage_environment: dict[str, str]
) -> None:
    await bucket.put("a", new_id().bytes)
    place = (await bucket.get("a")).blob
    async with db.connection() as conn:
        await conn.execute(
            "INSERT INTO doomed_object (key, not_before) VALUES ($1, now() + interval '1 hour')",
            place.key,
        )
        await conn.execute("DELETE FROM bucket_blob WHERE blob_id = $1", place.blob_id)

    found = await differences(storage_environment)

    assert {("object-endangered", place.key), ("file-not-held", f"{bucket.name}/a")} <= set(found)
    async with db.connection() as conn:
        await conn.execute("DELETE FROM doomed_object WHERE key = $1", place.key)
    await bucket.delete("a")


async def test_content_that_is_held_for_a_bucket_that_does_not_know_it_is_found(
    bucket: Bucket, db: Database, storage_environment: dict[str, str]
) -> None:
    body = new_id().bytes
    held = (await bucket.put("any", body, hold=True)).held
    assert held is not None
    (place,) = (await bucket.ask(FindBlobs(bucket=bucket.name, digests=[held.sha256]))).items
    before = await differences(storage_environment)
    async with db.connection() as conn:
        await conn.execute("DELETE FROM bucket_blob WHERE blob_id = $1", place.blob_id)

    found = await differences(storage_environment)

    assert set(found) - set(before) == {("content-not-held", f"{bucket.name} {held.sha256}")}
    async with db.connection() as conn:
        await conn.execute("DELETE FROM held_content WHERE blob_id = $1", place.blob_id)


async def test_only_a_deep_look_finds_other_bytes_of_the_same_length(
    bucket: Bucket, store: BlobStore, storage_environment: dict[str, str]
) -> None:
    body = new_id().bytes
    await bucket.put("a", body)
    key = (await bucket.get("a")).blob.key
    await store.put(key, body[::-1])

    shallow = await differences(storage_environment)
    deep = await differences(storage_environment, "--deep")

    assert ("blob-damaged", key) not in shallow
    assert ("blob-damaged", key) in deep
    await store.put(key, body)


async def test_what_happens_meanwhile_is_no_difference(
    bucket: Bucket, storage_environment: dict[str, str]
) -> None:
    before = await differences(storage_environment)
    enough = asyncio.Event()
    busy = asyncio.create_task(_keep_busy(bucket, enough))

    during = await differences(storage_environment)

    enough.set()
    await busy
    assert during == before


async def test_the_table_has_totals(bucket: Bucket, storage_environment: dict[str, str]) -> None:
    await bucket.put("a", b"counted")
    _, printed = await fsck(storage_environment)
    lines = printed.splitlines()
    assert [line.split()[0] for line in lines[1:4]] == ["files", "blobs", "objects"]
    assert lines[-1].endswith("differences")


async def test_what_cannot_be_checked_is_no_difference(
    storage_environment: dict[str, str],
) -> None:
    def with_(setting: str, value: str) -> dict[str, str]:
        return storage_environment | {f"STRONGROOM_STORAGE_{setting}": value}

    no_store, no_database, misconfigured, misused = await asyncio.gather(
        fsck(with_("STORE_URL", "s3://a:b@127.0.0.1:1/nowhere?tls=false")),
        fsck(with_("DATABASE_URL", "postgres://a:b@127.0.0.1:1/nowhere")),
        fsck(with_("STOER_URL", "memory://")),
        fsck(storage_environment, "--everything"),
    )

    assert [code for code, _ in (no_store, no_database, misconfigured, misused)] == [3, 3, 2, 2]
    assert no_store[1].splitlines()[-1].startswith("strongroom storage: not checked: ")
    assert no_database[1].startswith("strongroom storage: ")


async def _keep_busy(bucket: Bucket, enough: asyncio.Event) -> None:
    """Put until it is enough; a task in the middle of a request does not always hear ``cancel``."""
    while not enough.is_set():
        await bucket.put("busy", new_id().bytes)


async def _enlarge(db: Database, path: str, by: int) -> None:
    async with db.connection() as conn:
        await conn.execute("UPDATE file SET size = size + $2 WHERE path = $1", path, by)
