"""The trash: past states that are kept for a while, because their files were deleted."""

from collections.abc import Sequence
from uuid import UUID

from libs.chassis.database import Connection
from libs.contracts.storage import TrashedFile, TrashEmptied
from services.storage.domain.files import Content
from services.storage.domain.listing import end_of
from services.storage.domain.row import Row
from services.storage.domain.trash import Trashed


async def list_trash(
    conn: Connection, bucket_id: UUID, *, prefix: str, behind: tuple[str, int], limit: int
) -> list[TrashedFile]:
    """Return up to ``limit`` entries by path, the newest of a path first."""
    rows = await conn.fetch(
        """
        SELECT *
        FROM past_state
        WHERE bucket_id = $1
            AND trash_until > now()
            AND path >= $2
            AND path < $3
            AND (path > $4 OR (path = $4 AND revision < $5))
        ORDER BY path, revision DESC
        LIMIT $6
        """,
        bucket_id,
        prefix,
        end_of(prefix),
        *behind,
        limit,
    )
    return [_told(row) for row in rows]


async def list_newest_for_update(
    tx: Connection, bucket_id: UUID, *, paths: Sequence[str] | None, prefix: str
) -> list[Trashed]:
    """Return the newest entry of each path, in order; nobody else restores or empties them.

    Of ``paths`` if they are given, else of everything below ``prefix``.
    """
    rows = await tx.fetch(
        """
        SELECT p.*
        FROM past_state AS p
        JOIN (
            SELECT path, max(revision) AS revision
            FROM past_state
            WHERE bucket_id = $1
                AND trash_until > now()
                AND path >= $3
                AND path < $4
                AND ($2::text[] IS NULL OR path = ANY ($2))
            GROUP BY path
        ) AS newest USING (path, revision)
        WHERE bucket_id = $1
            AND trash_until > now()
        ORDER BY path
        FOR UPDATE OF p
        """,
        bucket_id,
        paths,
        prefix,
        end_of(prefix),
    )
    return [
        Trashed(path=row["path"], revision=row["revision"], content=Content.of(row)) for row in rows
    ]


async def end_entries(tx: Connection, bucket_id: UUID, entries: Sequence[Trashed]) -> None:
    """Take entries out of the trash; the caller has them locked."""
    await tx.execute(
        """
        WITH ended AS (
            SELECT p.path, p.revision, p.versioned
            FROM past_state AS p
            JOIN unnest($2::text[], $3::bigint[]) AS e (path, revision) USING (path, revision)
            WHERE bucket_id = $1
                AND trash_until IS NOT NULL
        ), versions AS (
            UPDATE past_state AS p
            SET trash_until = NULL
            FROM ended
            WHERE p.bucket_id = $1
                AND p.path = ended.path
                AND p.revision = ended.revision
                AND ended.versioned
        )
        DELETE FROM past_state AS p
        USING ended
        WHERE p.bucket_id = $1
            AND p.path = ended.path
            AND p.revision = ended.revision
            AND NOT ended.versioned
        """,
        bucket_id,
        [entry.path for entry in entries],
        [entry.revision for entry in entries],
    )


async def end_between(tx: Connection, bucket_id: UUID, low: str, high: str) -> TrashEmptied:
    """Take all entries from ``low`` and before ``high`` out of the trash."""
    row = await tx.fetchrow(
        """
        WITH ended AS (
            SELECT path, revision, versioned, size
            FROM past_state
            WHERE bucket_id = $1
                AND trash_until IS NOT NULL
                AND path >= $2
                AND path < $3
            ORDER BY path, revision
            FOR UPDATE
        ), versions AS (
            UPDATE past_state AS p
            SET trash_until = NULL
            FROM ended
            WHERE p.bucket_id = $1
                AND p.path = ended.path
                AND p.revision = ended.revision
                AND ended.versioned
        ), gone AS (
            DELETE FROM past_state AS p
            USING ended
            WHERE p.bucket_id = $1
                AND p.path = ended.path
                AND p.revision = ended.revision
                AND NOT ended.versioned
        )
        SELECT count(*) AS files, coalesce(sum(size), 0)::bigint AS bytes
        FROM ended
        """,
        bucket_id,
        low,
        high,
    )
    return TrashEmptied(**dict(row or {}))


async def end_expired(tx: Connection, limit: int) -> int:
    """Take up to ``limit`` entries out of the trash whose time is over; return how many.

    What is locked stays, and is looked at again when its lock has ended.
    """
    ended: int = await tx.fetchval(
        """
        WITH ended AS (
            SELECT bucket_id, path, revision, versioned
            FROM past_state AS p
            WHERE trash_until <= now()
                AND NOT EXISTS (
                    SELECT FROM file_lock AS l
                    WHERE l.bucket_id = p.bucket_id
                        AND l.path = p.path
                        AND l.revision = p.revision
                        AND (l.legal_hold OR l.retain_until > now())
                )
            ORDER BY trash_until
            LIMIT $1
            FOR UPDATE SKIP LOCKED
        ), versions AS (
            UPDATE past_state AS p
            SET trash_until = NULL
            FROM ended
            WHERE (p.bucket_id, p.path, p.revision)
                = (ended.bucket_id, ended.path, ended.revision)
                AND ended.versioned
        ), gone AS (
            DELETE FROM past_state AS p
            USING ended
            WHERE (p.bucket_id, p.path, p.revision)
                = (ended.bucket_id, ended.path, ended.revision)
                AND NOT ended.versioned
        )
        SELECT count(*)
        FROM ended
        """,
        limit,
    )
    return ended


def _told(row: Row) -> TrashedFile:
    return TrashedFile(
        path=row["path"],
        revision=row["revision"],
        sha256=row["sha256"].hex(),
        size=row["size"],
        content_type=row["content_type"],
        metadata=row["metadata"],
        tags=row["tags"],
        modified_at=row["modified_at"],
        modified_by=row["modified_by"],
        deleted_at=row["ended_at"],
        deleted_by=row["ended_by"],
        kept_until=row["trash_until"],
    )
