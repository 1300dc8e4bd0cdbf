"""Files: reading one and changing them. Listings have a module of their own."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from libs.chassis.database import Connection, Undone
from libs.contracts.storage import BlobPlace
from services.storage.domain.changes import Write
from services.storage.domain.errors import BucketNotFound, FileNotFound
from services.storage.domain.files import File, place_of

LOOKS = 3
"""How often rows are looked for that others may be putting in the place of those that were."""


class Stored(NamedTuple):
    """A file and where its bytes lie."""

    file: File
    blob: BlobPlace


async def get_stored(conn: Connection, bucket: str, path: str) -> Stored:
    """Return a file with its blob, or raise ``BucketNotFound`` or ``FileNotFound``."""
    row = await conn.fetchrow(
        """
        SELECT f.*, blob.key, blob.blake3, blob.object_offset, blob.stored_size, blob.codec,
            blob.master_key_id, blob.wrapped_key, blob.sealed_as, blob.backend,
            blob.quarantined_at
        FROM bucket
        LEFT JOIN file AS f
            ON f.bucket_id = bucket.bucket_id
            AND f.path = $2
            AND f.deleted_at IS NULL
        LEFT JOIN blob USING (blob_id)
        WHERE name = $1
            AND state <> 'deleted'
        """,
        bucket,
        path,
    )
    if row is None:
        raise BucketNotFound(bucket, bucket=bucket)
    if row["path"] is None:
        raise FileNotFound(path, bucket=bucket, path=path)
    return Stored(File.of(row), place_of(row))


async def find_sha256(conn: Connection, bucket_id: UUID, path: str) -> str | None:
    """Return the digest of what the file holds now, if it is there."""
    digest: bytes | None = await conn.fetchval(
        """
        SELECT sha256
        FROM file
        WHERE bucket_id = $1
            AND path = $2
        """,
        bucket_id,
        path,
    )
    return digest.hex() if digest else None


async def find_for_update(tx: Connection, bucket_id: UUID, path: str) -> File | None:
    """Return the path's state, even a deleted one, which nobody else changes meanwhile.

    A path that never was cannot be locked. A second look finds the row that whoever was waited
    for put in the place of this one, as a move does.
    """
    for _ in range(LOOKS):
        row = await tx.fetchrow(
            """
            SELECT *
            FROM file
            WHERE bucket_id = $1
                AND path = $2
            FOR UPDATE
            """,
            bucket_id,
            path,
        )
        if row is not None:
            return File.of(row)
    return None


async def reserve(tx: Connection, bucket_id: UUID, paths: Sequence[str], actor: str) -> None:
    """Give a row, without content and of revision 0, to each of ``paths`` that never had one.

    So every path can be locked, and one that does not exist stays so. What was not written in the
    end has to be released. ``paths`` come in order.
    """
    await tx.execute(
        """
        INSERT INTO file (bucket_id, path, revision, modified_at, modified_by, deleted_at)
        SELECT $1, path, 0, now(), $3, now()
        FROM unnest($2::text[]) WITH ORDINALITY AS wanted (path, position)
        ORDER BY position
        ON CONFLICT DO NOTHING
        """,
        bucket_id,
        paths,
        actor,
    )


async def release(tx: Connection, bucket_id: UUID, paths: Sequence[str]) -> None:
    """Remove the rows of ``paths`` that this transaction reserved and did not write."""
    await tx.execute(
        """
        DELETE FROM file
        WHERE bucket_id = $1
            AND path = ANY ($2::text[])
            AND revision = 0
        """,
        bucket_id,
        paths,
    )


async def list_for_update(tx: Connection, bucket_id: UUID, paths: Sequence[str]) -> list[File]:
    """Return the states of ``paths``, also deleted ones, which nobody else changes meanwhile.

    All of them have a row. Whoever was waited for may have put another in its place, as a move
    does; it is found by asking again.
    """
    for _ in range(LOOKS):
        rows = await tx.fetch(
            """
            SELECT *
            FROM file
            WHERE bucket_id = $1
                AND path = ANY ($2::text[])
            ORDER BY path
            FOR UPDATE
            """,
            bucket_id,
            paths,
        )
        if len(rows) == len(paths):
            return [File.of(row) for row in rows]
    raise Undone("files were moved while they were to be changed", retry_after_s=1)


async def list_first_for_update(tx: Connection, bucket_id: UUID, limit: int) -> list[File]:
    """Return the first files of a bucket, which nobody else changes meanwhile."""
    rows = await tx.fetch(
        """
        SELECT *
        FROM file
        WHERE bucket_id = $1
            AND deleted_at IS NULL
        ORDER BY path
        LIMIT $2
        FOR UPDATE
        """,
        bucket_id,
        limit,
    )
    return [File.of(row) for row in rows]


async def list_states_for_share(
    tx: Connection, bucket_id: UUID, after: str, limit: int
) -> list[File]:
    """Return what paths after ``after`` are, deleted ones too, unchangeable until ``tx`` ends."""
    rows = await tx.fetch(
        """
        SELECT *
        FROM file
        WHERE bucket_id = $1
            AND path > $2
            AND revision > 0
        ORDER BY path
        LIMIT $3
        FOR SHARE
        """,
        bucket_id,
        after,
        limit,
    )
    return [File.of(row) for row in rows]


async def write(tx: Connection, bucket_id: UUID, writes: Sequence[Write], actor: str) -> list[File]:
    """Give each path its next state, in the order of paths; the caller has all rows locked."""
    rows = await tx.fetch(
        """
        WITH moment AS MATERIALIZED (
            SELECT clock_timestamp() AS now
        ), written AS (
            UPDATE file AS f
            SET revision = f.revision + 1,
                blob_id = w.blob_id,
                sha256 = w.sha256,
                size = w.size,
                content_type = w.content_type,
                metadata = w.metadata,
                tags = w.tags,
                modified_at = greatest(moment.now, f.modified_at),
                modified_by = $2,
                deleted_at = CASE WHEN w.blob_id IS NULL THEN moment.now END
            FROM unnest(
                $3::text[], $4::uuid[], $5::bytea[], $6::bigint[], $7::text[], $8::jsonb[],
                $9::jsonb[]
            ) AS w (path, blob_id, sha256, size, content_type, metadata, tags)
            CROSS JOIN moment
            WHERE f.bucket_id = $1
                AND f.path = w.path
            RETURNING f.*
        )
        SELECT *
        FROM written
        ORDER BY path
        """,
        bucket_id,
        actor,
        *_columns(writes),
    )
    return [File.of(row) for row in rows]


async def exists_any(conn: Connection, bucket_id: UUID) -> bool:
    """Tell whether the bucket has a file."""
    found: bool = await conn.fetchval(
        """
        SELECT EXISTS (
            SELECT FROM file
            WHERE bucket_id = $1
                AND deleted_at IS NULL
        )
        """,
        bucket_id,
    )
    return found


async def count(conn: Connection, bucket_id: UUID) -> int:
    """Return how many files the bucket has; reads an index entry for each of them."""
    number: int = await conn.fetchval(
        """
        SELECT count(*)
        FROM file
        WHERE bucket_id = $1
            AND deleted_at IS NULL
        """,
        bucket_id,
    )
    return number


async def database_time(conn: Connection) -> datetime:
    """Return the time by the clock that files are dated with."""
    now: datetime = await conn.fetchval("SELECT clock_timestamp()")
    return now


def _columns(writes: Sequence[Write]) -> tuple[list[object], ...]:
    contents = [write.content for write in writes]
    return (
        [write.path for write in writes],
        [c and c.blob_id for c in contents],
        [c and bytes.fromhex(c.sha256) for c in contents],
        [c and c.size for c in contents],
        [c and c.content_type for c in contents],
        [c and c.metadata for c in contents],
        [c and c.tags for c in contents],
    )
