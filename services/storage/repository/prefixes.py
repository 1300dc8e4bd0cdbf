"""Files below a prefix, a slice at a time: found, moved, copied and removed by few statements."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

import asyncpg

from libs.chassis.database import Connection, Undone
from libs.contracts.storage import ChangedFile
from services.storage.domain.listing import end_of


class Changed(NamedTuple):
    """What a statement made of a slice, and when; the moment is behind each file's last change."""

    files: list[ChangedFile]
    at: datetime | None


async def list_paths(tx: Connection, bucket_id: UUID, prefix: str, limit: int) -> list[str]:
    """Return the first ``limit`` paths of files below ``prefix``, in order."""
    paths: list[str] | None = await tx.fetchval(
        """
        SELECT array_agg(path ORDER BY path)
        FROM (
            SELECT path
            FROM file
            WHERE bucket_id = $1
                AND deleted_at IS NULL
                AND path >= $2
                AND path < $3
            ORDER BY path
            LIMIT $4
        ) AS found
        """,
        bucket_id,
        prefix,
        end_of(prefix),
        limit,
    )
    return paths or []


async def find_standing(
    tx: Connection, bucket_id: UUID, prefix: str, paths: Sequence[str]
) -> dict[str, bool]:
    """Return which of ``paths``, all below ``prefix``, have a row, and whether it is a file."""
    rows = await tx.fetch(
        """
        SELECT path, deleted_at IS NULL AS is_file
        FROM file
        WHERE bucket_id = $1
            AND path = ANY ($2::text[])
            -- Most destinations are new: one look then spares one for each path.
            AND EXISTS (
                SELECT FROM file
                WHERE bucket_id = $1
                    AND path >= $3
                    AND path < $4
            )
        """,
        bucket_id,
        paths,
        prefix,
        end_of(prefix),
    )
    return {row["path"]: row["is_file"] for row in rows}


async def move(
    tx: Connection, bucket_id: UUID, wanted: Mapping[str, str], ended: Sequence[str], actor: str
) -> Changed:
    """Give the files at the values of ``wanted`` the paths that are its keys.

    The row itself goes along, with its reference to the blob, and leaves a new one behind that
    keeps the old path's revision. Where a path had a file once (``ended``), the row that it left
    makes room. A source that went away meanwhile stays away. Raises ``Undone`` when a path that
    was free got a file meanwhile.
    """
    revisions = await _take_ended(tx, bucket_id, ended)
    sources = list(wanted.values())
    try:
        rows = await tx.fetch(
            """
            UPDATE file AS f
            SET path = w.path,
                revision = w.revision,
                modified_at = greatest(clock_timestamp(), f.modified_at),
                modified_by = $5
            FROM unnest($2::text[], $3::text[], $4::bigint[]) AS w (source, path, revision)
            WHERE f.bucket_id = $1
                AND f.path = w.source COLLATE "C"
                AND f.path BETWEEN $6 AND $7
                AND f.deleted_at IS NULL
            RETURNING new.path, new.revision, new.sha256, new.size, new.content_type, new.metadata,
                new.tags, new.modified_at, old.path AS source, old.revision + 1 AS source_revision
            """,
            bucket_id,
            sources,
            list(wanted),
            [revisions.get(path, 0) + 1 for path in wanted],
            actor,
            min(sources),
            max(sources),
        )
    except asyncpg.UniqueViolationError as error:
        raise Undone("a file was put where others were moved to", retry_after_s=1) from error
    moved = _changed(rows)
    await tx.execute(
        """
        INSERT INTO file (bucket_id, path, revision, modified_at, modified_by, deleted_at)
        SELECT $1, path, revision, $4, $5, $4
        FROM unnest($2::text[], $3::bigint[]) AS gone (path, revision)
        """,
        bucket_id,
        [file.source for file in moved.files],
        [file.source_revision for file in moved.files],
        moved.at,
        actor,
    )
    return moved


async def copy(tx: Connection, bucket_id: UUID, wanted: Mapping[str, str], actor: str) -> Changed:
    """Make the paths that are keys of ``wanted`` files like those at its values.

    Raises ``Undone`` when a source went away meanwhile, or a path got a file.
    """
    sources = list(wanted.values())
    rows = await tx.fetch(
        """
        INSERT INTO file AS f (
            bucket_id, path, revision, blob_id, sha256, size, content_type, metadata, tags,
            modified_at, modified_by
        )
        SELECT $1, w.path, 1, s.blob_id, s.sha256, s.size, s.content_type, s.metadata, s.tags,
            clock_timestamp(), $4
        FROM unnest($2::text[], $3::text[]) AS w (source, path)
        JOIN file AS s
            ON s.bucket_id = $1
            AND s.path = w.source COLLATE "C"
            AND s.path BETWEEN $5 AND $6
            AND s.deleted_at IS NULL
        ORDER BY w.path COLLATE "C"
        ON CONFLICT (bucket_id, path) DO UPDATE
        SET revision = f.revision + 1,
            blob_id = excluded.blob_id,
            sha256 = excluded.sha256,
            size = excluded.size,
            content_type = excluded.content_type,
            metadata = excluded.metadata,
            tags = excluded.tags,
            modified_at = greatest(clock_timestamp(), f.modified_at),
            modified_by = excluded.modified_by,
            deleted_at = NULL
        WHERE f.deleted_at IS NOT NULL
        RETURNING path, revision, sha256, size, content_type, metadata, tags, modified_at,
            NULL AS source, NULL::bigint AS source_revision
        """,
        bucket_id,
        sources,
        list(wanted),
        actor,
        min(sources),
        max(sources),
    )
    if len(rows) < len(wanted):
        raise Undone("files changed while they were copied", retry_after_s=1)
    return _changed(rows)


async def remove(tx: Connection, bucket_id: UUID, paths: Sequence[str], actor: str) -> Changed:
    """Remove the files at ``paths``; one that went away meanwhile stays away."""
    rows = await tx.fetch(
        """
        UPDATE file AS f
        SET revision = f.revision + 1,
            blob_id = NULL,
            sha256 = NULL,
            size = NULL,
            content_type = NULL,
            metadata = NULL,
            tags = NULL,
            modified_at = greatest(clock_timestamp(), f.modified_at),
            modified_by = $3,
            deleted_at = clock_timestamp()
        FROM unnest($2::text[]) AS w (path)
        WHERE f.bucket_id = $1
            AND f.path = w.path COLLATE "C"
            AND f.path BETWEEN $4 AND $5
            AND f.deleted_at IS NULL
        RETURNING f.path, f.revision, f.modified_at
        """,
        bucket_id,
        paths,
        actor,
        min(paths),
        max(paths),
    )
    return Changed(
        [ChangedFile(path=path, revision=revision) for path, revision, _ in rows],
        max((at for _, _, at in rows), default=None),
    )


async def _take_ended(tx: Connection, bucket_id: UUID, paths: Sequence[str]) -> dict[str, int]:
    """Remove the rows that files left at ``paths``; return the revision of each."""
    if not paths:
        return {}
    rows = await tx.fetch(
        """
        DELETE FROM file
        WHERE bucket_id = $1
            AND path = ANY ($2::text[])
            AND deleted_at IS NOT NULL
        RETURNING path, revision
        """,
        bucket_id,
        paths,
    )
    return {row["path"]: row["revision"] for row in rows}


def _changed(rows: Sequence[asyncpg.Record]) -> Changed:
    files = [
        ChangedFile(
            path=row["path"],
            revision=row["revision"],
            sha256=row["sha256"].hex(),
            size=row["size"],
            content_type=row["content_type"],
            metadata=row["metadata"],
            tags=row["tags"],
            source=row["source"],
            source_revision=row["source_revision"],
        )
        for row in rows
    ]
    return Changed(files, max((row["modified_at"] for row in rows), default=None))
