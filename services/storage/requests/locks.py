"""Locks: telling, setting and listing what keeps states of files."""

from datetime import UTC, datetime

from libs.chassis.bus import Bus
from libs.chassis.database import Connection, Database
from libs.chassis.rpc import serves
from libs.contracts.pages import fitting
from libs.contracts.paths import check_path, check_search_text
from libs.contracts.problems import AnsweredWithProblem
from libs.contracts.storage import FileLock, FileLockList, GetLock, ListLocks, SetLock
from libs.contracts.versioning import GetVersion
from services.storage.domain.buckets import Bucket
from services.storage.domain.errors import FileNotFound, VersionNotFound
from services.storage.domain.locks import check_change, wanted
from services.storage.domain.positions import parse_position, position_of
from services.storage.locks import find_state_for_update
from services.storage.repository import buckets, locks


@serves(GetLock)
async def get_lock(request: GetLock, db: Database) -> FileLock:
    """Tell what locks a state; nothing, as a rule."""
    check_path(request.path)
    async with db.connection() as conn:
        bucket = await buckets.get_bucket(conn, request.bucket)
        revision = request.revision or await _present(conn, bucket, request.path)
        lock = await locks.find_lock(conn, bucket.bucket_id, request.path, revision)
    if lock is None:
        return FileLock(path=request.path, revision=revision)
    return lock.info(request.path, revision)


@serves(SetLock)
async def set_lock(request: SetLock, db: Database, bus: Bus) -> FileLock:
    """Replace the lock of a state, if who asks may.

    Versions that a move took along, or that have the bytes of the next, only history knows.
    """
    check_path(request.path)
    now = datetime.now(UTC)
    wanted(request, now)
    try:
        return await _set(request, db, now)
    except VersionNotFound as unknown:
        sha256 = await _ask_history(request, bus)
        if sha256 is None:
            raise unknown
        return await _set(request, db, now, sha256)


@serves(ListLocks)
async def list_locks(request: ListLocks, db: Database) -> FileLockList:
    check_search_text(request.prefix, "prefix")
    behind = parse_position(request.start_after)
    async with db.connection() as conn:
        bucket = await buckets.get_bucket(conn, request.bucket)
        found = await locks.list_locks(
            conn, bucket.bucket_id, prefix=request.prefix, behind=behind, limit=request.limit + 1
        )
    items = [state.lock.info(state.path, state.revision) for state in found]
    shown = list(fitting(items[: request.limit]))
    more = len(found) > len(shown)
    return FileLockList(
        items=shown, next=position_of(shown[-1].path, shown[-1].revision) if more else None
    )


async def _set(
    request: SetLock, db: Database, now: datetime, sha256: str | None = None
) -> FileLock:
    lock = wanted(request, now)
    async with db.transaction() as tx:
        bucket = await buckets.get_open_for_share(tx, request.bucket)
        revision, blob_id = await find_state_for_update(
            tx, bucket, request.path, request.revision, sha256
        )
        state = (bucket.bucket_id, request.path, revision)
        check_change(await locks.find_lock(tx, *state), lock, request, now)
        if lock.locks:
            await locks.upsert_lock(tx, *state, blob_id, lock)
        else:
            await locks.delete_lock(tx, *state)
    if not lock.locks:
        return FileLock(path=request.path, revision=revision)
    return lock.info(request.path, revision)


async def _ask_history(request: SetLock, bus: Bus) -> str | None:
    """Return the digest that history has for the version; None when it knows no such version."""
    if request.revision is None:
        return None
    question = GetVersion(bucket=request.bucket, path=request.path, version=request.revision)
    try:
        return (await bus.ask(question)).sha256
    except AnsweredWithProblem:
        return None


async def _present(conn: Connection, bucket: Bucket, path: str) -> int:
    revision = await locks.find_present_revision(conn, bucket.bucket_id, path)
    if revision is None:
        raise FileNotFound(path, bucket=bucket.name, path=path)
    return revision
