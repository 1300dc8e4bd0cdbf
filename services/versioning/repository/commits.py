"""Commits, each stored as the bytes that its name is the digest of."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from msgspec import Struct

from libs.chassis.database import Connection
from services.versioning.domain.commits import Commit, CommitId, decode, encode, id_of
from services.versioning.domain.errors import RefNotFound
from services.versioning.repository.lines import Place, Segment


class StoredCommit(Struct, frozen=True):
    """A commit, and what its tree sums up to."""

    commit_id: CommitId
    commit: Commit
    place: Place
    files: int
    bytes: int


class Sought(Struct, frozen=True, kw_only=True):
    """Which commits are looked for; None and an empty text mean any."""

    author: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    message: str = ""

    def values(self) -> list[Any]:
        """Return what ``MATCHES`` compares with, in its order."""
        return [self.author, self.since, self.until, self.message]


MATCHES = """
    ($1::text IS NULL OR commit.author = $1)
    AND ($2::timestamptz IS NULL OR commit.committed_at >= $2)
    AND ($3::timestamptz IS NULL OR commit.committed_at <= $3)
    AND ($4::text = '' OR strpos(lower(commit.message), lower($4)) > 0)
"""


async def insert_commit(
    tx: Connection, bucket_id: UUID, place: Place, commit: Commit, *, files: int, size: int
) -> CommitId:
    """Store ``commit`` at ``place``, which is free."""
    data = encode(commit)
    commit_id = id_of(data)
    await tx.execute(
        """
        INSERT INTO commit (
            bucket_id, commit_id, data, line_id, position, first_parent, committed_at, author,
            message, files, bytes
        )
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
        """,
        bucket_id,
        commit_id,
        data,
        *place,
        commit.parents[0] if commit.parents else None,
        commit.committed_at,
        commit.author,
        commit.message,
        files,
        size,
    )
    return commit_id


async def exists(conn: Connection, bucket_id: UUID, commit_id: CommitId) -> bool:
    """Tell whether a commit is recorded."""
    found: bool = await conn.fetchval(
        "SELECT EXISTS (SELECT FROM commit WHERE bucket_id = $1 AND commit_id = $2)",
        bucket_id,
        commit_id,
    )
    return found


async def get_commit(conn: Connection, bucket_id: UUID, commit_id: CommitId) -> StoredCommit:
    """Return one commit, proved to be what its name says."""
    row = await conn.fetchrow(
        """
        SELECT commit_id, data, line_id, position, files, bytes
        FROM commit
        WHERE bucket_id = $1
            AND commit_id = $2
        """,
        bucket_id,
        commit_id,
    )
    if row is None:
        raise RefNotFound(commit_id.hex(), ref=commit_id.hex())
    return stored_commit(row)


async def list_commits(
    conn: Connection, segments: Sequence[Segment], sought: Sought, *, limit: int
) -> list[StoredCommit]:
    """Return the commits of a history that are looked for, newest first."""
    rows = await conn.fetch(
        f"""
        SELECT found.*
        FROM unnest($6::bigint[], $7::bigint[], $8::bigint[]) AS segment (line_id, first, last)
        CROSS JOIN LATERAL (
            SELECT commit_id, data, line_id, position, files, bytes
            FROM commit
            WHERE commit.line_id = segment.line_id
                AND commit.position BETWEEN segment.first AND segment.last
                AND {MATCHES}
            ORDER BY commit.position DESC
            LIMIT $5
        ) AS found
        ORDER BY found.position DESC
        LIMIT $5
        """,  # noqa: S608 - a constant
        *sought.values(),
        limit,
        *([segment[column] for segment in segments] for column in range(3)),
    )
    return [stored_commit(row) for row in rows]


def stored_commit(row: Any) -> StoredCommit:
    """Return a row of ``commit`` as what it proves to be."""
    commit_id = CommitId(row["commit_id"])
    return StoredCommit(
        commit_id,
        decode(commit_id, row["data"]),
        Place(row["line_id"], row["position"]),
        row["files"],
        row["bytes"],
    )
