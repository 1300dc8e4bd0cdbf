import asyncio
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from libs.blobs import Backends, BlobNotFound, BlobStore
from libs.chassis.database import Database
from libs.contracts.ids import new_id
from libs.contracts.problems import AnsweredWithProblem
from libs.contracts.storage import (
    DeleteBucket,
    FilePut,
    GetBucket,
    UploadTicket,
)
from services.storage.domain.uploads import blob_key
from services.storage.loops import (
    purge_deleted_buckets,
    sweep_doomed_objects,
    sweep_orphans,
    sweep_uploads,
)
from services.storage.settings import Settings
from tests.platform import Platform
from tests.service.storage.bucket import ACTOR, Bucket
from tests.service.storage.refusals import refused_as


@pytest.fixture
def settings(platform: Platform, storage_environment: dict[str, str]) -> Settings:
    """The settings of a second replica."""
    return Settings(
        database_url=platform.database_urls["storage"],
        nats_url=platform.nats_url,
        store_url=storage_environment["STRONGROOM_STORAGE_STORE_URL"],
    )


async def test_an_expired_upload_and_its_object_go(
    bucket: Bucket, db: Database, store: BlobStore
) -> None:
    ticket = await bucket.begin("a", b"never committed")
    await _expire(db, ticket)

    await sweep_uploads(db)
    await sweep_doomed_objects(db, Backends(store))

    with refused_as("upload-not-found"):
        await bucket.commit(ticket, b"never committed")
    assert not await _is_there(store, ticket.key)


async def test_the_object_of_a_dedupe_hit_goes_and_the_blob_stays(
    bucket: Bucket, db: Database, store: BlobStore
) -> None:
    body = new_id().bytes
    await bucket.put("a", body)
    ticket = await bucket.begin("b", body)
    await bucket.commit(ticket, body)

    await sweep_doomed_objects(db, Backends(store))

    assert not await _is_there(store, ticket.key)
    assert await bucket.read("a") == await bucket.read("b") == body


async def test_a_committed_upload_is_forgotten_after_its_time_and_its_blob_stays(
    bucket: Bucket, db: Database, store: BlobStore
) -> None:
    ticket = await bucket.begin("a", b"kept for good")
    await bucket.commit(ticket, b"kept for good")
    await _expire(db, ticket)

    await sweep_uploads(db)
    await sweep_doomed_objects(db, Backends(store))

    with refused_as("upload-not-found"):
        await bucket.commit(ticket, b"kept for good")
    assert await bucket.read("a") == b"kept for good"


async def test_two_sweepers_and_late_commits_at_once_do_no_double_effect(
    bucket: Bucket, db: Database, store: BlobStore
) -> None:
    bodies = [new_id().bytes for _ in range(120)]
    tickets = await asyncio.gather(*(bucket.begin(f"f{n}", body) for n, body in enumerate(bodies)))
    async with db.connection() as conn:
        await conn.execute(
            "UPDATE upload SET expires_at = now() + interval '100 ms' WHERE upload_id = ANY ($1)",
            [ticket.upload_id for ticket in tickets],
        )

    async def commit(ticket: UploadTicket, body: bytes, turn: int) -> FilePut:
        await asyncio.sleep(turn * 0.002)
        return await bucket.commit(ticket, body)

    async def sweep() -> None:
        for _ in range(20):
            await sweep_uploads(db)
            await sweep_doomed_objects(db, Backends(store))
            await asyncio.sleep(0.01)

    sweepers = [asyncio.create_task(sweep()) for _ in range(2)]
    answers = await asyncio.gather(
        *(commit(t, b, n) for n, (t, b) in enumerate(zip(tickets, bodies, strict=True))),
        return_exceptions=True,
    )
    await asyncio.gather(*sweepers)

    files = await bucket.all()
    for n, (ticket, body, answer) in enumerate(zip(tickets, bodies, answers, strict=True)):
        if isinstance(answer, AnsweredWithProblem):
            assert answer.named in ("upload-expired", "upload-not-found")
            assert f"f{n}" not in files
            assert not await _is_there(store, ticket.key)
        else:
            assert not isinstance(answer, BaseException)
            assert await bucket.read(f"f{n}") == body
    assert any(isinstance(answer, AnsweredWithProblem) for answer in answers)


async def test_an_orphaned_object_goes_and_a_young_one_stays(
    bucket: Bucket, db: Database, store: BlobStore, settings: Settings
) -> None:
    old = blob_key(an_old_id())
    young = blob_key(new_id())
    strange = "blobs/2026/11/21/ffffffff-ffff-7fff-bfff-ffffffffffff"
    for key in (old, young, strange):
        await store.put(key, b"whose is it?")
    await bucket.put("a", b"has a row")

    await sweep_orphans(db, Backends(store), settings)
    await sweep_doomed_objects(db, Backends(store))
    assert await _is_there(store, old), "it is older than this database's first sweep"

    await _run_for_days(db, 10)
    await asyncio.gather(
        sweep_orphans(db, Backends(store), settings), sweep_orphans(db, Backends(store), settings)
    )
    await sweep_doomed_objects(db, Backends(store))

    assert not await _is_there(store, old)
    assert await _is_there(store, young)
    assert await _is_there(store, strange)
    assert await bucket.read("a") == b"has a row"
    await store.delete(young)
    await store.delete(strange)


async def test_an_old_blob_and_an_upload_in_progress_are_no_orphans(
    bucket: Bucket, db: Database, store: BlobStore, settings: Settings
) -> None:
    ticket = await bucket.begin("open", b"in progress")
    await bucket.put("a", b"committed")
    eager = Settings(
        database_url=settings.database_url,
        nats_url=settings.nats_url,
        store_url=settings.store_url,
        upload_lease_s=0.001,
        orphan_margin_s=0.001,
    )

    await sweep_orphans(db, Backends(store), eager)
    await sweep_doomed_objects(db, Backends(store))

    assert await bucket.read("a") == b"committed"
    await bucket.commit(ticket, b"in progress")
    assert await bucket.read("open") == b"in progress"


async def test_a_deleted_bucket_leaves_no_rows(
    bucket: Bucket, db: Database, store: BlobStore, impatient: Settings
) -> None:
    info = await bucket.ask(GetBucket(name=bucket.name))
    await bucket.put("a")
    await bucket.delete("a")
    open_ticket = await bucket.begin("b", b"never")
    await bucket.ask(DeleteBucket(name=bucket.name, actor=ACTOR))

    for _ in range(2):
        await sweep_uploads(db)
    await asyncio.gather(*(purge_deleted_buckets(db, impatient) for _ in range(2)))
    await sweep_doomed_objects(db, Backends(store))

    async with db.connection() as conn:
        for table in ("file", "bucket_blob", "upload", "bucket"):
            left = await conn.fetchval(
                f"SELECT count(*) FROM {table} WHERE bucket_id = $1",  # noqa: S608
                info.bucket_id,
            )
            assert left == 0, table
    assert not await _is_there(store, open_ticket.key)


async def _expire(db: Database, ticket: UploadTicket) -> None:
    async with db.connection() as conn:
        await conn.execute(
            "UPDATE upload SET expires_at = now() - interval '1 s' WHERE upload_id = $1",
            ticket.upload_id,
        )


async def _run_for_days(db: Database, days: int) -> None:
    """Let the sweep of orphans have begun some days ago."""
    async with db.connection() as conn:
        await conn.execute(
            """
            UPDATE sweep_mark
            SET first_at = now() - make_interval(days => $1),
                swept_till = now() - make_interval(days => $1)
            """,
            days,
        )


async def _is_there(store: BlobStore, key: str) -> bool:
    try:
        await store.head(key)
    except BlobNotFound:
        return False
    return True


def an_old_id() -> UUID:
    """Return the id of an upload that began 30 hours ago."""
    began = datetime.now(UTC) - timedelta(hours=30)
    milliseconds = int(began.timestamp() * 1000)
    return UUID(int=(milliseconds << 80) | (new_id().int & ((1 << 80) - 1)))
