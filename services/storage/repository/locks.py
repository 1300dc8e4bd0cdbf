"""Locks of states of files."""

from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

from libs.chassis.database import Connection
from services.storage.domain.listing import end_of
from services.storage.domain.locks import Lock

FileKey = tuple[UUID, str]


class LockedState(NamedTuple):
    """A lock and what it locks."""

    path: str
    revision: int
    lock: Lock


async def find_locked(conn: Connection, files: Sequence[FileKey]) -> dict[FileKey, Lock]:
    """Return what keeps the present states of those of ``files`` that are locked now."""
    rows = await conn.fetch(
        """
        SELECT l.*
        FROM unnest($1::uuid[], $2::text[]) AS wanted (bucket_id, path)
        JOIN file_lock AS l USING (bucket_id, path)
        JOIN file AS f USING (bucket_id, path, revision)
        WHERE f.deleted_at IS NULL
            AND (l.legal_hold OR l.retain_until > now())
        ORDER BY bucket_id, path
        """,
        [bucket_id for bucket_id, _ in files],
        [path for _, path in files],
    )
    return {(row["bucket_id"], row["path"]): Lock.of(row) for row in rows}


async def find_any(conn: Connection, bucket_id: UUID) -> LockedState | None:
    """Return some state of a file of the bucket that is locked now."""
    row = await conn.fetchrow(
        """
        SELECT *
        FROM file_lock
        WHERE bucket_id = $1
            AND (legal_hold OR retain_until > now())
        ORDER BY path
        LIMIT 1
        """,
        bucket_id,
    )
    return None if row is None else LockedState(row["path"], row["revision"], Lock.of(row))


async def find_locked_trash(
    conn: Connection, bucket_id: UUID, low: str, high: str
) -> LockedState | None:
    """Return a state in the trash, from ``low`` and before ``high``, that is locked now."""
    row = await conn.fetchrow(
        """
        SELECT l.*
        FROM file_lock AS l
        JOIN past_state AS p USING (bucket_id, path, revision)
        WHERE l.bucket_id = $1
            AND l.path >= $2
            AND l.path < $3
            AND p.trash_until IS NOT NULL
            AND (l.legal_hold OR l.retain_until > now())
        ORDER BY path
        LIMIT 1
        """,
        bucket_id,
        low,
        high,
    )
    return None if row is None else LockedState(row["path"], row["revision"], Lock.of(row))


async def find_lock(conn: Connection, bucket_id: UUID, path: str, revision: int) -> Lock | None:
    """Return the lock of one state, also one that has ended."""
    row = await conn.fetchrow(
        """
        SELECT *
        FROM file_lock
        WHERE bucket_id = $1
            AND path = $2
            AND revision = $3
        """,
        bucket_id,
        path,
        revision,
    )
    return None if row is None else Lock.of(row)


async def find_present_revision(conn: Connection, bucket_id: UUID, path: str) -> int | None:
    """Return which revision a file has now, if it is there."""
    revision: int | None = await conn.fetchval(
        """
        SELECT revision
        FROM file
        WHERE bucket_id = $1
            AND path = $2
            AND deleted_at IS NULL
        """,
        bucket_id,
        path,
    )
    return revision


async def find_kept_blob_for_update(
    tx: Connection, bucket_id: UUID, path: str, revision: int
) -> UUID | None:
    """Return which bytes a past state has, if it is kept; it does not go until this ends.

    A lock keeps the bytes of its state by itself, also when nothing else knows the state any more.
    """
    blob_id: UUID | None = await tx.fetchval(
        """
        WITH kept AS (
            SELECT blob_id
            FROM past_state
            WHERE bucket_id = $1
                AND path = $2
                AND revision = $3
            FOR UPDATE
        ), locked AS (
            SELECT blob_id
            FROM file_lock
            WHERE bucket_id = $1
                AND path = $2
                AND revision = $3
            FOR UPDATE
        )
        SELECT blob_id
        FROM kept
        UNION
        SELECT blob_id
        FROM locked
        """,
        bucket_id,
        path,
        revision,
    )
    return blob_id


async def upsert_lock(
    tx: Connection, bucket_id: UUID, path: str, revision: int, blob_id: UUID, lock: Lock
) -> None:
    """Lock a state as ``lock`` says; the caller has the state locked."""
    await tx.execute(
        """
        INSERT INTO file_lock (
            bucket_id, path, revision, blob_id, mode, retain_until, legal_hold, set_at, set_by
        )
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
        ON CONFLICT (bucket_id, path, revision) DO UPDATE
        SET mode = excluded.mode,
            retain_until = excluded.retain_until,
            legal_hold = excluded.legal_hold,
            set_at = excluded.set_at,
            set_by = excluded.set_by
        """,
        bucket_id,
        path,
        revision,
        blob_id,
        lock.mode,
        lock.retain_until,
        lock.legal_hold,
        lock.set_at,
        lock.set_by,
    )


async def delete_lock(tx: Connection, bucket_id: UUID, path: str, revision: int) -> None:
    """Unlock a state; the caller has it locked."""
    await tx.execute(
        "DELETE FROM file_lock WHERE bucket_id = $1 AND path = $2 AND revision = $3",
        bucket_id,
        path,
        revision,
    )


async def list_locks(
    conn: Connection, bucket_id: UUID, *, prefix: str, behind: tuple[str, int], limit: int
) -> list[LockedState]:
    """Return up to ``limit`` states that are locked now, by path and revision."""
    rows = await conn.fetch(
        """
        SELECT *
        FROM file_lock
        WHERE bucket_id = $1
            AND path >= $2
            AND path < $3
            AND (path, revision) > ($4, $5)
            AND (legal_hold OR retain_until > now())
        ORDER BY path, revision
        LIMIT $6
        """,
        bucket_id,
        prefix,
        end_of(prefix),
        *behind,
        limit,
    )
    return [LockedState(row["path"], row["revision"], Lock.of(row)) for row in rows]


async def delete_ended(tx: Connection, limit: int) -> int:
    """Forget up to ``limit`` locks that have ended; return how many."""
    status = await tx.execute(
        """
        DELETE FROM file_lock
        WHERE ctid = ANY (
            ARRAY (
                SELECT ctid
                FROM file_lock
                WHERE NOT legal_hold
                    AND retain_until <= now()
                ORDER BY retain_until
                LIMIT $1
                FOR UPDATE SKIP LOCKED
            )
        )
        """,
        limit,
    )
    return int(status.rpartition(" ")[2])
