"""The pool: every failure has a name and an end, and nothing leaks."""

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest

from libs.chassis.database import GIVE_BACK_TIMEOUT_S, LET_GO, Database
from libs.contracts.problems import ServiceUnavailable
from tests.chassis.proxy import Proxy, proxied
from tests.waiting import eventually


@pytest.fixture
async def db(schema_url: str) -> AsyncIterator[Database]:
    async with Database(schema_url, pool_size=4, acquire_timeout_s=0.5) as opened:
        yield opened


async def add(db: Database, name: str) -> None:
    async with db.transaction() as tx:
        await tx.execute("INSERT INTO effect (name) VALUES ($1)", name)


@pytest.fixture
async def silenceable(schema_url: str) -> AsyncIterator[tuple[Database, Proxy]]:
    """A database behind a proxy."""
    async with (
        proxied(schema_url) as (url, proxy),
        Database(url, pool_size=2, statement_timeout_s=1.0) as opened,
    ):
        yield opened, proxy


async def test_a_silent_server_is_noticed_in_time_and_found_again(
    silenceable: tuple[Database, Proxy],
) -> None:
    """F7: nothing comes back and nothing is closed, already at BEGIN."""
    db, proxy = silenceable
    await add(db, "before")
    proxy.fall_silent()

    started = asyncio.get_running_loop().time()
    with pytest.raises(ServiceUnavailable):
        await add(db, "lost")
    took = asyncio.get_running_loop().time() - started
    await proxy.recover()

    assert took < 1.0 + 2 * GIVE_BACK_TIMEOUT_S + 0.5
    await eventually(lambda: _added(db, "after"))


async def test_a_server_is_asked_to_let_go_of_the_locks_of_who_is_gone(
    db: Database, schema_url: str
) -> None:
    """F7, seen from the other end; only a kernel can fall silent so that a kernel notices."""
    lone = await Database(schema_url).lone_connection()
    async with db.connection() as conn:
        for name, value in LET_GO.items():
            sought = "SELECT setting FROM pg_settings WHERE name = $1"
            assert await conn.fetchval(sought, name) == value
            assert await lone.fetchval(sought, name) == value
    await lone.close()


async def test_a_server_that_falls_silent_before_the_commit_is_noticed(
    silenceable: tuple[Database, Proxy],
) -> None:
    """F7: whether it was committed is not known, so the caller is told to ask again."""
    db, proxy = silenceable

    with pytest.raises(ServiceUnavailable):
        await _add_and(db, proxy.fall_silent)


async def test_a_failure_of_the_block_is_not_hidden_by_a_silent_server(
    silenceable: tuple[Database, Proxy],
) -> None:
    db, proxy = silenceable

    def fail() -> None:
        proxy.fall_silent()
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await _add_and(db, fail)


async def test_rows_that_stop_coming_are_noticed(silenceable: tuple[Database, Proxy]) -> None:
    db, proxy = silenceable

    with pytest.raises(ServiceUnavailable):
        await _read_rows(db, at_each=proxy.fall_silent)


async def test_waiting_for_a_connection_ends(db: Database) -> None:
    """F13."""
    async with db.connection(), db.connection(), db.connection(), db.connection():
        with pytest.raises(ServiceUnavailable) as caught:
            await add(db, "fifth")

    assert caught.value.retry_after_s
    await add(db, "afterwards")


async def test_a_thousand_cancelled_transactions_leave_nothing_behind(db: Database) -> None:
    """F13: callers that go away in the middle hold neither connections nor locks."""
    await add(db, "wanted")

    for number in range(1000):
        task = asyncio.create_task(_change_slowly(db))
        await asyncio.sleep(0.0005 * (number % 8))
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    async with db.transaction() as tx:
        await tx.execute("UPDATE effect SET name = 'free'")
    async with db.connection(), db.connection(), db.connection(), db.connection() as last:
        open_transactions = await last.fetchval(
            """
            SELECT count(*)
            FROM pg_stat_activity
            WHERE pid <> pg_backend_pid()
              AND state LIKE 'idle in transaction%'
              AND query LIKE '%changed slowly%'
            """
        )
    assert open_transactions == 0


async def test_who_loses_a_deadlock_is_told_to_try_again(db: Database) -> None:
    await add(db, "left")
    await add(db, "right")
    met = asyncio.Barrier(2)

    async def change(first: str, then: str) -> None:
        async with db.transaction() as tx:
            await tx.execute("UPDATE effect SET name = name WHERE name = $1", first)
            await met.wait()
            await tx.execute("UPDATE effect SET name = name WHERE name = $1", then)

    ends = await asyncio.gather(
        change("left", "right"), change("right", "left"), return_exceptions=True
    )

    (lost,) = [end for end in ends if end is not None]
    assert isinstance(lost, ServiceUnavailable)
    assert lost.retry_after_s


async def test_a_failure_of_ones_own_keeps_its_name(db: Database) -> None:
    with pytest.raises(TimeoutError):
        async with db.transaction(), asyncio.timeout(0.01):
            await asyncio.sleep(1)


async def _add_and(db: Database, then: Callable[[], None]) -> None:
    async with db.transaction() as tx:
        await tx.execute("INSERT INTO effect (name) VALUES ('half')")
        then()


async def _read_rows(db: Database, at_each: Callable[[], None]) -> None:
    async with db.transaction() as tx:
        async for _ in tx.cursor("SELECT generate_series(1, 1000)", prefetch=10):
            at_each()


async def _change_slowly(db: Database) -> None:
    async with db.transaction() as tx:
        await tx.execute("UPDATE effect SET name = 'changed slowly' WHERE name = 'wanted'")
        await tx.execute("SELECT pg_sleep(0.01) -- changed slowly")


async def _added(db: Database, name: str) -> bool:
    try:
        await add(db, name)
    except ServiceUnavailable:
        return False
    return True
