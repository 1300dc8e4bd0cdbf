"""Content that no file has is held for branches and commits, and goes when nobody names it."""

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import UUID

from libs.blobs import BlobStore
from libs.chassis.bus import Bus
from libs.chassis.database import Database
from libs.contracts.ids import new_id
from libs.contracts.storage import (
    CommitUpload,
    ContentsHeld,
    FindBlobs,
    GetBucketUsage,
    HeldContent,
    HoldContents,
    PutContent,
    Retention,
    UpdateBucket,
)
from services.storage.collecting import collect_condemned_blobs, condemn_unnamed_blobs
from services.storage.loops import sweep_held_contents
from services.storage.settings import Settings
from tests.service.storage.bucket import ACTOR, Bucket, Making, digest
from tests.service.storage.refusals import refused_as


async def hold(bucket: Bucket, body: bytes, **wish: object) -> HeldContent:
    held = (await bucket.put("any", body, hold=True, **wish)).held
    assert held is not None
    return held


async def hold_again(bucket: Bucket, *bodies: bytes) -> ContentsHeld:
    digests = [digest(body) for body in bodies]
    return await bucket.ask(HoldContents(bucket=bucket.name, digests=digests))


async def is_there(bucket: Bucket, body: bytes) -> bool:
    found = await bucket.ask(FindBlobs(bucket=bucket.name, digests=[digest(body)]))
    return bool(found.items)


async def end_holds(db: Database, bucket: Bucket) -> None:
    """Let the bucket's holds be over, as if their time had passed."""
    async with db.connection() as conn:
        await conn.execute(
            """
            UPDATE held_content
            SET held_until = now() - interval '1 second'
            FROM bucket
            WHERE bucket.bucket_id = held_content.bucket_id
                AND bucket.name = $1
            """,
            bucket.name,
        )
    await sweep_held_contents(db)


async def collect(db: Database, bus: Bus, settings: Settings) -> None:
    await condemn_unnamed_blobs(db)
    await collect_condemned_blobs(db, bus, settings)


async def test_held_content_is_no_file_and_can_be_named(bucket: Bucket) -> None:
    body = new_id().bytes

    held = await hold(bucket, body, content_type="text/plain")
    files = await bucket.all()
    await bucket.change(PutContent(path="a", sha256=held.sha256))

    assert (held.sha256, held.size, held.content_type) == (digest(body), 16, "text/plain")
    assert held.held_until - datetime.now(UTC) > timedelta(minutes=55)
    assert files == {}
    assert await bucket.read("a") == body


async def test_a_hold_that_is_committed_again_is_answered_the_same(bucket: Bucket) -> None:
    body = new_id().bytes
    ticket = await bucket.begin("any", body, hold=True)

    first = await bucket.commit(ticket, body)
    again = await bucket.commit(ticket, body)

    assert again == first
    assert again.visible is None
    with refused_as("upload-committed"):
        await bucket.ask(CommitUpload(upload_id=ticket.upload_id, sha256="0" * 64, size=16))


async def test_bytes_that_are_held_stay_and_go_after_it(
    bucket: Bucket, db: Database, admin_bus: Bus, impatient: Settings
) -> None:
    body, other = new_id().bytes, new_id().bytes
    await hold(bucket, body)
    await hold(bucket, other)

    await collect(db, admin_bus, impatient)
    while_held = await is_there(bucket, body)
    await end_holds(db, bucket)
    await bucket.change(PutContent(path="kept", sha256=digest(other)))
    await collect(db, admin_bus, impatient)

    assert while_held
    assert not await is_there(bucket, body)
    assert await bucket.read("kept") == other


async def test_what_the_bucket_has_is_held_longer(
    bucket: Bucket, db: Database, admin_bus: Bus, impatient: Settings
) -> None:
    body, unknown = new_id().bytes, new_id().bytes
    await bucket.put("a", body)

    held = await hold_again(bucket, body, unknown)
    await bucket.delete("a")
    await collect(db, admin_bus, impatient)

    assert held.sizes == {digest(body): 16}
    assert held.held_until - datetime.now(UTC) > timedelta(minutes=55)
    assert await is_there(bucket, body)


async def test_a_hold_is_never_shortened(bucket: Bucket, db: Database) -> None:
    body = new_id().bytes
    await hold(bucket, body)
    async with db.connection() as conn:
        await conn.execute("UPDATE held_content SET held_until = held_until + interval '1 day'")

    again = await hold_again(bucket, body)

    assert again.held_until - datetime.now(UTC) > timedelta(hours=20)


async def test_the_same_bytes_held_at_once_are_stored_once(
    bucket: Bucket, store: BlobStore
) -> None:
    body = new_id().bytes
    tickets = [await bucket.begin("any", body, hold=True) for _ in range(4)]

    answers = await asyncio.gather(*(bucket.commit(ticket, body) for ticket in tickets))

    assert {put.held.sha256 for put in answers if put.held} == {digest(body)}
    found = await bucket.ask(FindBlobs(bucket=bucket.name, digests=[digest(body)]))
    assert len(found.items) == 1
    assert await (await store.get(found.items[0].key)).read() == body


async def test_a_bucket_with_checks_holds_nothing_new(a_bucket_with: Making) -> None:
    bucket = await a_bucket_with()
    ticket = await bucket.begin("any", b"unchecked", hold=True)
    await bucket.ask(UpdateBucket(name=bucket.name, actor=ACTOR, checks=["review"]))

    with refused_as("checks-required", checks=["review"]):
        await bucket.begin("any", b"unchecked", hold=True)
    with refused_as("checks-required"):
        await bucket.commit(ticket, b"unchecked")


async def test_an_encrypted_bucket_holds_nothing_in_clear(bucket: Bucket, db: Database) -> None:
    ticket = await bucket.begin("any", b"in clear", hold=True)
    async with db.connection() as conn:
        await conn.execute(
            """
            UPDATE bucket
            SET settings = settings || '{"encryption": "aes-256-gcm"}'
            WHERE name = $1
            """,
            bucket.name,
        )

    with refused_as("encryption-required"):
        await bucket.commit(ticket, b"in clear")


async def test_a_bucket_that_locks_new_files_still_holds_content(a_bucket_with: Making) -> None:
    bucket = await a_bucket_with(retention=Retention(mode="compliance", days=1))

    held = await hold(bucket, new_id().bytes)

    assert held.size == 16


async def test_held_content_does_not_get_around_a_quota(a_bucket_with: Making) -> None:
    bucket = await a_bucket_with(versioning="auto", quota_bytes=40)
    await bucket.put("a", new_id().bytes)
    branched = new_id().bytes
    await hold(bucket, branched)

    with refused_as("quota-exceeded", of="bucket", used_bytes=32, needed_bytes=16):
        await bucket.put("any", new_id().bytes, hold=True)
    with refused_as("quota-exceeded", used_bytes=32):
        await bucket.begin("any", b"", size=16, hold=True)
    with refused_as("quota-exceeded", used_bytes=32):
        await bucket.put("b", new_id().bytes)

    usage = await bucket.ask(GetBucketUsage(bucket=bucket.name))
    assert (usage.used_bytes, usage.held.bytes) == (16, 32)
    # What the bucket holds already needs room among its files only.
    await hold(bucket, branched)
    await bucket.change(PutContent(path="b", sha256=digest(branched)))
    assert len(await bucket.all()) == 2


async def test_holds_at_once_do_not_pass_a_quota_together(a_bucket_with: Making) -> None:
    bucket = await a_bucket_with(versioning="auto", quota_bytes=48)
    bodies = [new_id().bytes for _ in range(8)]
    tickets = [await bucket.begin("any", body, hold=True) for body in bodies]

    answers = await asyncio.gather(
        *(bucket.commit(ticket, body) for ticket, body in zip(tickets, bodies, strict=True)),
        return_exceptions=True,
    )

    assert sum(not isinstance(answer, BaseException) for answer in answers) == 3


async def test_a_hold_of_a_bucket_that_is_gone_is_refused(bucket: Bucket) -> None:
    with refused_as("bucket-not-found"):
        await bucket.ask(HoldContents(bucket=f"no-{UUID(int=1)}", digests=["0" * 64]))
