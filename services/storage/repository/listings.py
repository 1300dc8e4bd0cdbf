"""Walking the files of a bucket in the byte order of their paths."""

from collections.abc import AsyncIterator
from datetime import datetime
from uuid import UUID

import asyncpg

from libs.chassis.database import Connection
from libs.contracts.storage import ExportedFile, ListFiles
from services.storage.domain.files import File, place_of
from services.storage.domain.listing import BEHIND_ALL, end_of, start_behind


async def list_files(
    conn: Connection, bucket_id: UUID, wish: ListFiles, *, limit: int
) -> list[File | str]:
    """Return up to ``limit`` files and, with a delimiter, rolled-up prefixes, in order.

    With tags only files that have them all: the first one leads, through an index of its own.
    """
    search = _list_plain if not wish.delimiter else _list_rolled_up
    return await search(conn, bucket_id, wish, limit)


def _source(wish: ListFiles, parameter: int) -> str:
    """Return where the files come from; ``_tags`` are the parameters from ``parameter`` on."""
    if not wish.tags:
        return """
            FROM file
            WHERE bucket_id = $1
                AND deleted_at IS NULL
        """
    tagged = f"""
            FROM file_tag
            JOIN file USING (bucket_id, path)
            WHERE bucket_id = $1
                AND deleted_at IS NULL
                AND tag = tag_digest(${parameter}, ${parameter + 1})
    """
    # Not for one tag: it says nothing new, and lets the planner expect too few files for a page.
    return tagged if len(wish.tags) == 1 else f"{tagged} AND tags @> ${parameter + 2}"


def _tags(wish: ListFiles) -> list[object]:
    """Return what the statements take for the tags; nothing when there are none."""
    first = next(iter(wish.tags.items()), None)
    if first is None:
        return []
    return [*first] if len(wish.tags) == 1 else [*first, wish.tags]


async def _list_plain(
    conn: Connection, bucket_id: UUID, wish: ListFiles, limit: int
) -> list[File | str]:
    # A prefix is a range of the index: LIKE would have to be escaped, and knows only one plan.
    rows = await conn.fetch(
        f"""
        SELECT file.*
        {_source(wish, 6)}
            AND path > $2
            AND path >= $3
            AND path < $4
        ORDER BY path
        LIMIT $5
        """,
        bucket_id,
        wish.start_after,
        wish.prefix,
        end_of(wish.prefix),
        limit,
        *_tags(wish),
    )
    return [File.of(row) for row in rows]


async def _list_rolled_up(
    conn: Connection, bucket_id: UUID, wish: ListFiles, limit: int
) -> list[File | str]:
    """Take one step through the index for each entry: a group is jumped over, however big."""
    rows = await conn.fetch(
        f"""
        WITH RECURSIVE step AS (
            SELECT 0 AS entries, $2::text COLLATE "C" AS path, $2::text COLLATE "C" AS resume,
                NULL::text COLLATE "C" AS rolled_up
            UNION ALL
            SELECT step.entries + 1, next.path, coalesce(next.rolled_up || $7, next.path),
                next.rolled_up
            FROM step
            CROSS JOIN LATERAL (
                SELECT path,
                    CASE
                        WHEN strpos(substr(path, char_length($3) + 1), $5) > 0
                        THEN left(
                            path,
                            char_length($3) + char_length($5) - 1
                                + strpos(substr(path, char_length($3) + 1), $5)
                        )
                    END AS rolled_up
                {_source(wish, 8)}
                    AND path > step.resume
                    AND path >= $3
                    AND path < $4
                ORDER BY path
                LIMIT 1
            ) AS next
            WHERE step.entries < $6
        )
        SELECT step.rolled_up, f.*
        FROM step
        LEFT JOIN file AS f
            ON f.bucket_id = $1
            AND f.path = step.path
            AND step.rolled_up IS NULL
        WHERE step.entries > 0
        ORDER BY step.entries
        """,  # noqa: S608 - made of constants
        bucket_id,
        start_behind(wish.prefix, wish.delimiter, wish.start_after),
        wish.prefix,
        end_of(wish.prefix),
        wish.delimiter,
        limit,
        BEHIND_ALL,
        *_tags(wish),
    )
    return [row["rolled_up"] or File.of(row) for row in rows]


async def walk_for_export(tx: Connection, bucket_id: UUID) -> AsyncIterator[ExportedFile]:
    """Yield every file of a bucket in order, as this transaction's snapshot has it."""
    async for row in tx.cursor(
        """
        SELECT f.*, blob.key, blob.blake3, blob.object_offset, blob.stored_size, blob.codec,
            blob.master_key_id, blob.wrapped_key, blob.sealed_as, blob.backend,
            blob.quarantined_at
        FROM file AS f
        JOIN blob USING (blob_id)
        WHERE bucket_id = $1
            AND deleted_at IS NULL
        ORDER BY path
        """,
        bucket_id,
    ):
        yield _exported(row)


async def snapshot_time(tx: Connection) -> datetime:
    """Return when this transaction began; its first statement fixes what it sees."""
    began: datetime = await tx.fetchval("SELECT now()")
    return began


def _exported(row: asyncpg.Record) -> ExportedFile:
    return ExportedFile(
        path=row["path"],
        revision=row["revision"],
        sha256=row["sha256"].hex(),
        size=row["size"],
        content_type=row["content_type"],
        metadata=row["metadata"],
        tags=row["tags"],
        modified_at=row["modified_at"],
        modified_by=row["modified_by"],
        blob_key=row["key"],
        blob=place_of(row),
    )
