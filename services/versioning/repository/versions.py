"""The versions of files: every state that one had, by its revision."""

from collections.abc import Container, Iterable, Iterator, Sequence
from typing import Any, TypeVar
from uuid import UUID

from msgspec import Struct

from libs.chassis.database import Connection
from services.versioning.domain.commits import CommitId
from services.versioning.domain.recording import Version
from services.versioning.domain.tree import Entry
from services.versioning.repository import content

AT_ONCE = 10_000
"""Rows of one statement, which so never takes long."""

T = TypeVar("T")


class RecordedVersion(Struct, frozen=True):
    """A version and the commit that recorded it."""

    version: Version
    commit_id: CommitId
    expired: bool
    """Its content was given up, unless another state keeps it."""


async def find_latest(conn: Connection, bucket_id: UUID, paths: Iterable[str]) -> dict[str, int]:
    """Return the newest revision that is recorded of each of ``paths``."""
    latest: dict[str, int] = {}
    for part in _parts(list(paths)):
        rows = await conn.fetch(
            """
            SELECT wanted.path, newest.revision
            FROM unnest($2::text[]) AS wanted (path)
            CROSS JOIN LATERAL (
                SELECT revision
                FROM version
                WHERE bucket_id = $1
                  AND path = wanted.path COLLATE "C"
                ORDER BY revision DESC
                LIMIT 1
            ) AS newest
            """,
            bucket_id,
            part,
        )
        latest |= {row["path"]: row["revision"] for row in rows}
    return latest


async def find_recorded(
    conn: Connection, bucket_id: UUID, versions: Sequence[Version]
) -> set[tuple[str, int]]:
    """Return which of ``versions`` are recorded already, as path and revision."""
    recorded: set[tuple[str, int]] = set()
    for part in _parts(versions):
        rows = await conn.fetch(
            """
            SELECT recorded.path, recorded.revision
            FROM unnest($2::text[], $3::bigint[]) AS wanted (path, revision)
            -- Each by its index: a join is planned once, while the table is small.
            CROSS JOIN LATERAL (
                SELECT path, revision
                FROM version
                WHERE version.bucket_id = $1
                    AND version.path = wanted.path COLLATE "C"
                    AND version.revision = wanted.revision
                LIMIT 1
            ) AS recorded
            """,
            bucket_id,
            [version.path for version in part],
            [version.revision for version in part],
        )
        recorded |= {(row["path"], row["revision"]) for row in rows}
    return recorded


async def insert_versions(
    tx: Connection,
    bucket_id: UUID,
    commit_id: CommitId,
    position: int,
    versions: Sequence[Version],
    states: Container[str],
) -> None:
    """Record ``versions`` as made by a commit of main; the others than ``states`` came late."""
    for part in _parts(versions):
        positions = [position if version.path in states else None for version in part]
        await _insert_part(tx, bucket_id, commit_id, positions, part)


async def list_versions(
    conn: Connection, bucket_id: UUID, path: str, *, below: int | None, limit: int
) -> list[RecordedVersion]:
    """Return the versions of one file, newest first."""
    rows = await conn.fetch(
        """
        SELECT *
        FROM version
        WHERE bucket_id = $1
          AND path = $2
          AND ($3::bigint IS NULL OR revision < $3)
        ORDER BY revision DESC
        LIMIT $4
        """,
        bucket_id,
        path,
        below,
        limit,
    )
    return [_recorded(row) for row in rows]


async def find_version(
    conn: Connection, bucket_id: UUID, path: str, revision: int
) -> RecordedVersion | None:
    """Return one version of one file."""
    row = await conn.fetchrow(
        "SELECT * FROM version WHERE bucket_id = $1 AND path = $2 AND revision = $3",
        bucket_id,
        path,
        revision,
    )
    return None if row is None else _recorded(row)


async def list_given_up(
    conn: Connection, bucket_id: UUID, recorded: Sequence[RecordedVersion]
) -> set[bytes]:
    """Return the digests of versions that expired and that nothing else keeps."""
    digests = {
        each.version.entry.sha256
        for each in recorded
        if each.expired and each.version.entry is not None
    }
    return await content.list_given_up(conn, bucket_id, digests) if digests else set()


def _recorded(row: Any) -> RecordedVersion:
    entry = None
    if row["sha256"] is not None:
        entry = Entry(
            sha256=row["sha256"],
            size=row["size"],
            content_type=row["content_type"],
            metadata=row["metadata"],
            tags=row["tags"],
        )
    version = Version(
        path=row["path"],
        revision=row["revision"],
        operation=row["operation"],
        author=row["author"],
        message=row["message"],
        created_at=row["created_at"],
        entry=entry,
    )
    return RecordedVersion(version, CommitId(row["commit_id"]), row["expired_at"] is not None)


async def _insert_part(
    tx: Connection,
    bucket_id: UUID,
    commit_id: CommitId,
    positions: Sequence[int | None],
    versions: Sequence[Version],
) -> None:
    entries = [version.entry for version in versions]
    await tx.execute(
        """
        INSERT INTO version
            (bucket_id, commit_id, path, revision, operation, author, message, created_at,
             sha256, size, content_type, metadata, tags, position)
        SELECT $1, $2, row.*
        FROM unnest(
            $3::text[], $4::bigint[], $5::text[], $6::text[], $7::text[], $8::timestamptz[],
            $9::bytea[], $10::bigint[], $11::text[], $12::jsonb[], $13::jsonb[],
            $14::bigint[]
        ) AS row
        ON CONFLICT DO NOTHING
        """,
        bucket_id,
        commit_id,
        [version.path for version in versions],
        [version.revision for version in versions],
        [version.operation for version in versions],
        [version.author for version in versions],
        [version.message for version in versions],
        [version.created_at for version in versions],
        [entry.sha256 if entry else None for entry in entries],
        [entry.size if entry else 0 for entry in entries],
        [entry.content_type if entry else None for entry in entries],
        [entry.metadata if entry else {} for entry in entries],
        [entry.tags if entry else {} for entry in entries],
        positions,
    )


def _parts(things: Sequence[T]) -> Iterator[Sequence[T]]:
    for first in range(0, len(things), AT_ONCE):
        yield things[first : first + AT_ONCE]
