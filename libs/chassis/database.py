"""One pool per process; one transaction per message."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from typing import Any, Literal, Self, TypeVar

import asyncpg
import msgspec
from asyncpg.transaction import Transaction

from libs.chassis.settings import ServiceSettings
from libs.contracts.problems import MalformedRequest, ServiceUnavailable

Isolation = Literal["read_committed", "repeatable_read", "serializable"]

GONE: tuple[type[Exception], ...] = (
    asyncpg.PostgresConnectionError,
    asyncpg.CannotConnectNowError,
    asyncpg.InsufficientResourcesError,
    asyncpg.OperatorInterventionError,
    # asyncpg's own confusion when a connection breaks between two messages of one statement.
    asyncpg.InternalClientError,
)
"""What a server says, or asyncpg of it, that is going, gone, full, or coming back."""

UNDONE: tuple[type[Exception], ...] = (
    asyncpg.TransactionRollbackError,
    asyncpg.InvalidCachedStatementError,
    asyncpg.OutdatedSchemaCacheError,
)
"""What undoes a transaction that succeeds when it is tried again: others were preferred in a
deadlock, or a migration changed a table meanwhile."""

UNWRITABLE: tuple[type[Exception], ...] = (
    asyncpg.CharacterNotInRepertoireError,
    asyncpg.UntranslatableCharacterError,
)
"""Text that no column holds, i.e. with a NUL: whoever asked with it is told so."""

UNREACHED: tuple[type[Exception], ...] = (*GONE, OSError, TimeoutError, asyncpg.InterfaceError)
"""What connecting raises when there is no server."""

LET_GO = {
    "tcp_keepalives_idle": "4",
    "tcp_keepalives_interval": "2",
    "tcp_keepalives_count": "3",
    "tcp_user_timeout": "10000",
}
"""Has the server notice in 10 s that we are gone where nobody could tell it, as after a cut cable.
By itself it keeps our locks for hours then, that of the relay's leader and those of rows alike."""

GIVE_BACK_TIMEOUT_S = 1.0
"""How long a rollback, and then a cancelled statement, may take before a connection is closed."""

T = TypeVar("T")


class Undone(ServiceUnavailable):
    """The transaction was given up for another's sake: the same one may succeed now."""


class Connection:
    """A connection inside a transaction, with the calls that repositories use.

    It is asyncpg's, plus the note that this transaction announces something.
    """

    __slots__ = ("_conn", "announces")

    def __init__(self, conn: "asyncpg.pool.PoolConnectionProxy[asyncpg.Record]") -> None:
        self._conn = conn
        self.announces = False

    async def execute(self, sql: str, *args: Any) -> str:
        """Run ``sql`` and return its status, e.g. ``INSERT 0 1``."""
        return await _answered(self._conn.execute(sql, *args))

    async def executemany(self, sql: str, rows: Iterable[Sequence[Any]]) -> None:
        """Run ``sql`` for each of ``rows`` in one round trip."""
        await _answered(self._conn.executemany(sql, rows))

    async def fetch(self, sql: str, *args: Any) -> list[asyncpg.Record]:
        """Return all rows."""
        return await _answered(self._conn.fetch(sql, *args))

    async def fetchrow(self, sql: str, *args: Any) -> asyncpg.Record | None:
        """Return the first row, or None."""
        return await _answered(self._conn.fetchrow(sql, *args))

    async def fetchval(self, sql: str, *args: Any) -> Any:
        """Return the first column of the first row, or None."""
        return await _answered(self._conn.fetchval(sql, *args))

    async def cursor(
        self, sql: str, *args: Any, prefetch: int = 500
    ) -> AsyncIterator[asyncpg.Record]:
        """Iterate over rows with a server-side cursor; needs a transaction."""
        rows = aiter(self._conn.cursor(sql, *args, prefetch=prefetch))
        while (row := await _answered(anext(rows, None))) is not None:
            yield row


class Database:
    """A pool of connections as one role, whose schema is its search path.

    Every failure to reach the server is the problem ``service-unavailable``: within
    ``acquire_timeout_s``, or where a server falls silent, ``statement_timeout_s`` and the moment
    it takes to give the connection up. The pool heals by itself.
    """

    def __init__(
        self,
        url: str,
        *,
        pool_size: int = 10,
        statement_timeout_s: float = 8.0,
        acquire_timeout_s: float = 1.5,
    ) -> None:
        self._url = url
        self._pool_size = pool_size
        self._statement_timeout_s = statement_timeout_s
        self._acquire_timeout_s = acquire_timeout_s
        self._pool: asyncpg.Pool[asyncpg.Record] | None = None
        self._listeners: list[Callable[[], None]] = []

    @classmethod
    def of(cls, settings: ServiceSettings) -> Self:
        """Return the database that ``settings`` name, not connected yet."""
        return cls(
            settings.database_url,
            pool_size=settings.pool_size,
            statement_timeout_s=settings.database_timeout_s,
            acquire_timeout_s=settings.acquire_timeout_s,
        )

    async def __aenter__(self) -> Self:
        self._pool = await asyncpg.create_pool(
            self._url,
            min_size=min(2, self._pool_size),
            max_size=self._pool_size,
            command_timeout=self._statement_timeout_s,
            timeout=5.0,
            server_settings=LET_GO,
            init=_use_msgspec_for_json,
            reset=_leave_as_it_is,
        )
        return self

    async def __aexit__(self, *failure: object) -> None:
        if self._pool is None:
            return
        try:
            await asyncio.wait_for(self._pool.close(), timeout=5.0)
        except TimeoutError:
            self._pool.terminate()

    def when_announced(self, listener: Callable[[], None]) -> None:
        """Call ``listener`` after each commit of a transaction that announced something."""
        self._listeners.append(listener)

    async def check(self) -> None:
        """Raise ``ServiceUnavailable`` unless the server answers."""
        async with self.connection() as conn:
            await conn.fetchval("SELECT 1")

    @contextlib.asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        """Lend a connection for single statements, each its own transaction."""
        if self._pool is None:
            raise RuntimeError("the database is used before it was opened")
        try:
            conn = await self._pool.acquire(timeout=self._acquire_timeout_s)
        except UNREACHED as error:
            raise _unavailable() from error
        try:
            yield Connection(conn)
        except GONE as error:
            raise _unavailable() from error
        except UNDONE as error:
            raise Undone("the database undid this", retry_after_s=1) from error
        except UNWRITABLE as error:
            raise MalformedRequest("a text holds a NUL character") from error
        except asyncpg.InterfaceError as error:
            if conn.is_closed():
                raise _unavailable() from error
            raise
        finally:
            # Shielded by asyncpg: a cancelled caller still gives its connection back. One that
            # cannot be cleaned in time is closed by asyncpg, and that is nobody's failure.
            with contextlib.suppress(*UNREACHED):
                await self._pool.release(conn, timeout=GIVE_BACK_TIMEOUT_S)

    @contextlib.asynccontextmanager
    async def transaction(
        self, *, isolation: Isolation = "read_committed", readonly: bool = False
    ) -> AsyncIterator[Connection]:
        """Commit on the way out; roll back when the block raises."""
        async with self.connection() as tx:
            block = tx._conn.transaction(isolation=isolation, readonly=readonly)  # noqa: SLF001
            await _answered(block.start())
            try:
                yield tx
            except BaseException:
                await _roll_back(block)
                raise
            await _answered(block.commit())
        if tx.announces:
            for listener in self._listeners:
                listener()

    async def lone_connection(self) -> "asyncpg.Connection[asyncpg.Record]":
        """Open a connection outside the pool, for a session lock; the caller closes it."""
        try:
            return await asyncpg.connect(
                self._url, timeout=5.0, command_timeout=5.0, server_settings=LET_GO
            )
        except UNREACHED as error:
            raise _unavailable() from error


async def _answered(statement: Awaitable[T]) -> T:
    """Name the failures of a statement that could also be somebody else's."""
    try:
        return await statement
    except (OSError, TimeoutError) as error:
        raise _unavailable() from error


async def _roll_back(block: Transaction) -> None:
    """Undo ``block``; where that fails, giving its connection back closes it, which undoes it."""
    with contextlib.suppress(*UNREACHED):
        async with asyncio.timeout(GIVE_BACK_TIMEOUT_S):
            await block.rollback()


def _unavailable() -> ServiceUnavailable:
    return ServiceUnavailable("the database does not answer", retry_after_s=1)


async def _leave_as_it_is(conn: "asyncpg.Connection[asyncpg.Record]") -> None:
    """Replace asyncpg's statements at each return to the pool, a round trip of their own.

    They undo what lasts longer than a transaction, which nothing here sets: ``SET LOCAL``, locks
    and cursors end with theirs. An open transaction is still rolled back by asyncpg.
    """


async def _use_msgspec_for_json(conn: "asyncpg.Connection[asyncpg.Record]") -> None:
    for kind in ("json", "jsonb"):
        await conn.set_type_codec(
            kind,
            schema="pg_catalog",
            encoder=lambda value: msgspec.json.encode(value).decode(),
            decoder=msgspec.json.decode,
        )
