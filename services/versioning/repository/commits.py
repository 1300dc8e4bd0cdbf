"""Commits, each stored as the bytes that its name is the digest of."""

from collections.abc import Sequence
from uuid import UUID

from msgspec import Struct

from libs.chassis.database import Connection
from services.versioning.domain.commits import Commit, CommitId, decode, encode, id_of
from services.versioning.domain.errors import RefNotFound


class StoredCommit(Struct, frozen=True):
    """A commit, and what its tree sums up to."""

    commit_id: CommitId
    commit: Commit
    files: int
    bytes: int


async def insert_commit(
    tx: Connection, bucket_id: UUID, commit: Commit, *, files: int, size: int
) -> CommitId:
    """Store ``commit``; one that is there already is the same one."""
    data = encode(commit)
    commit_id = id_of(data)
    await tx.execute(
        """
        INSERT INTO commit
            (bucket_id, commit_id, data, first_parent, committed_at, files, bytes)
        VALUES ($1, $2, $3, $4, $5, $6, $7)
        ON CONFLICT DO NOTHING
        """,
        bucket_id,
        commit_id,
        data,
        commit.parents[0] if commit.parents else None,
        commit.committed_at,
        files,
        size,
    )
    return commit_id


async def get_commit(conn: Connection, bucket_id: UUID, commit_id: CommitId) -> StoredCommit:
    """Return one commit, proved to be what its name says."""
    found = await list_commits(conn, bucket_id, commit_id, limit=1)
    if not found:
        raise RefNotFound(commit_id.hex(), ref=commit_id.hex())
    return found[0]


async def list_commits(
    conn: Connection, bucket_id: UUID, start: CommitId, *, limit: int
) -> Sequence[StoredCommit]:
    """Walk along first parents, newest first, ``start`` included."""
    rows = await conn.fetch(
        """
        WITH RECURSIVE history AS (
            SELECT commit_id, data, first_parent, files, bytes, 1 AS place
            FROM commit
            WHERE bucket_id = $1
              AND commit_id = $2
            UNION ALL
            SELECT c.commit_id, c.data, c.first_parent, c.files, c.bytes, h.place + 1
            FROM history AS h
            JOIN commit AS c ON c.bucket_id = $1 AND c.commit_id = h.first_parent
            WHERE h.place < $3
        )
        SELECT commit_id, data, files, bytes
        FROM history
        ORDER BY place
        """,
        bucket_id,
        start,
        limit,
    )
    return [
        StoredCommit(
            CommitId(row["commit_id"]),
            decode(CommitId(row["commit_id"]), row["data"]),
            row["files"],
            row["bytes"],
        )
        for row in rows
    ]
