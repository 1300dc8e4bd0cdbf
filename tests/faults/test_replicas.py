"""F14 and F15: two of every service at once, and transactions that commit out of order."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from random import Random
from typing import TypeAlias

import asyncpg
import httpx

from libs.blobs import open_store
from libs.chassis.bus import Bus
from libs.contracts.storage import BeginUpload, UploadTicket
from tests.faults.load import API, assert_kept, make_bucket, recorded, uploading
from tests.faults.looking import assert_stream_complete, metric_at, nothing_waits
from tests.faults.processes import started
from tests.platform import Platform
from tests.waiting import eventually

TWICE = ("storage", "versioning", "progress")
PUBLISHED = "strongroom_relay_published_total"
SWEPT = 'strongroom_storage_swept_total{what="uploads"}'
ABANDONED = 40

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"


async def test_two_of_every_service_do_everything_once(
    platform: Platform, http: httpx.AsyncClient, admin_bus: Bus, rng: Random
) -> None:
    """F14: two relays, two sweepers, two consumers of each durable."""
    storage = await asyncpg.connect(platform.database_urls["storage"])
    async with AsyncExitStack() as stack:
        replicas = await asyncio.gather(
            *(stack.enter_async_context(started(platform, name, {})) for name in TWICE)
        )
        both = [platform.health_urls["storage"], f"http://127.0.0.1:{replicas[0][1]}"]
        await eventually(lambda: nothing_waits(platform, "storage"))
        swept, published = await total(both, SWEPT), await total(both, PUBLISHED)
        before = await storage.fetchval("SELECT count(*) FROM outbox")

        async with uploading(http, rng) as ledger:
            tickets = await abandon(platform, admin_bus, ledger.bucket)
            await storage.execute(
                "UPDATE upload SET expires_at = now() WHERE upload_id = ANY ($1)",
                [ticket.upload_id for ticket in tickets],
            )
            await ledger.until(uploads=100)
            assert await leaders(storage) == dict.fromkeys(("gateway", *TWICE), 1)

        await assert_kept(http, ledger)
        await assert_stream_complete(admin_bus, http, ledger)
        await eventually(lambda: all_swept(platform, tickets))
        assert await total(both, SWEPT) - swept == ABANDONED

        async def each_published_once() -> bool:
            announced: int = await storage.fetchval("SELECT count(*) FROM outbox") - before
            return bool(await total(both, PUBLISHED) - published == announced)

        await eventually(each_published_once)
    await storage.close()


async def test_what_commits_late_is_published_although_later_events_were_already(
    platform: Platform, http: httpx.AsyncClient
) -> None:
    """F15: positions of the outbox are taken before the commit, and become visible with it."""
    slow, fast = await make_bucket(http), await make_bucket(http)
    async with committing_late(platform, slow) as storage:
        late = asyncio.create_task(http.put(f"{API}/{slow}/files/late", content=b"late"))
        await eventually(lambda: sleeps_in_commit(storage))
        early = await http.put(f"{API}/{fast}/files/early", content=b"early")
        assert early.status_code == 201
        await recorded(http, fast, "early")
        assert not late.done()
        assert (await late).status_code == 201

        await recorded(http, slow, "late")
        rows = await storage.fetch(
            """
            SELECT subject
            FROM outbox
            WHERE subject = ANY ($1)
            ORDER BY position
            """,
            [f"file.stored.{slow}", f"file.stored.{fast}"],
        )
    assert [row["subject"] for row in rows] == [f"file.stored.{slow}", f"file.stored.{fast}"]


async def total(urls: Sequence[str], name: str) -> float:
    return sum([await metric_at(f"{url}/metrics", name) for url in urls])


async def leaders(conn: Connection) -> dict[str, int]:
    """Return how many relays lead, by service."""
    rows = await conn.fetch(
        """
        SELECT usename, count(*)
        FROM pg_locks JOIN pg_stat_activity USING (pid)
        WHERE locktype = 'advisory' AND granted
        GROUP BY usename
        """
    )
    return {row["usename"]: row["count"] for row in rows}


async def abandon(platform: Platform, bus: Bus, bucket: str) -> list[UploadTicket]:
    """Begin uploads, store their bytes, and do not commit them."""
    begin = [
        BeginUpload(bucket=bucket, path=f"abandoned/{number}", actor="key:gone")
        for number in range(ABANDONED)
    ]
    tickets = await asyncio.gather(*map(bus.ask, begin))
    async with open_store(platform.store_url) as store:
        await asyncio.gather(*(store.put(ticket.key, b"abandoned") for ticket in tickets))
    return tickets


async def all_swept(platform: Platform, tickets: Sequence[UploadTicket]) -> bool:
    async with open_store(platform.store_url) as store:
        there = {found.key async for found in store.list("blobs/")}
    return not there & {ticket.key for ticket in tickets}


@asynccontextmanager
async def committing_late(platform: Platform, bucket: str) -> AsyncIterator[Connection]:
    """Let transactions that announce a file of ``bucket`` take a second for their commit."""
    storage = await asyncpg.connect(platform.database_urls["storage"])
    await storage.execute(
        f"""
        CREATE FUNCTION sleep() RETURNS trigger LANGUAGE plpgsql
            AS 'BEGIN PERFORM pg_sleep(1); RETURN NULL; END';
        CREATE CONSTRAINT TRIGGER late AFTER INSERT ON outbox
            DEFERRABLE INITIALLY DEFERRED
            FOR EACH ROW WHEN (NEW.subject = 'file.stored.{bucket}')
            EXECUTE FUNCTION sleep();
        """
    )
    try:
        yield storage
    finally:
        await storage.execute("DROP TRIGGER late ON outbox; DROP FUNCTION sleep();")
        await storage.close()


async def sleeps_in_commit(storage: Connection) -> bool:
    found: bool = await storage.fetchval(
        "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE wait_event = 'PgSleep')"
    )
    return found
