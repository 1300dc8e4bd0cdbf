"""Pending commits: those that storage is asked to apply to main, and what became of them."""

from uuid import UUID

from msgspec import Struct

from libs.chassis.database import Connection
from services.versioning.domain.commits import Commit, CommitId, decode, encode, id_of


class Pending(Struct, frozen=True, kw_only=True):
    """A commit as it was meant, on the head that main had then."""

    commit_id: CommitId
    commit: Commit
    files: int
    bytes: int
    recorded_as: CommitId | None = None
    """The commit that it became, where main had moved on."""


async def insert_pending(
    tx: Connection, bucket_id: UUID, commit: Commit, *, files: int, size: int
) -> CommitId:
    """Keep a commit before storage is asked, so that its events are understood."""
    data = encode(commit)
    commit_id = id_of(data)
    await tx.execute(
        """
        INSERT INTO pending_commit (bucket_id, commit_id, data, files, bytes)
        VALUES ($1, $2, $3, $4, $5)
        ON CONFLICT DO NOTHING
        """,
        bucket_id,
        commit_id,
        data,
        files,
        size,
    )
    return commit_id


async def find_pending(conn: Connection, bucket_id: UUID, commit_id: CommitId) -> Pending | None:
    """Return a commit that waits, or that became another one."""
    row = await conn.fetchrow(
        """
        SELECT commit_id, data, files, bytes, recorded_as
        FROM pending_commit
        WHERE bucket_id = $1
            AND commit_id = $2
        """,
        bucket_id,
        commit_id,
    )
    if row is None:
        return None
    return Pending(
        commit_id=commit_id,
        commit=decode(commit_id, row["data"]),
        files=row["files"],
        bytes=row["bytes"],
        recorded_as=row["recorded_as"],
    )


async def set_recorded_as(
    tx: Connection, bucket_id: UUID, commit_id: CommitId, recorded_as: CommitId
) -> None:
    """Note which commit it became; events of storage go on naming it as it was meant."""
    await tx.execute(
        """
        UPDATE pending_commit
        SET recorded_as = $3
        WHERE bucket_id = $1
            AND commit_id = $2
        """,
        bucket_id,
        commit_id,
        recorded_as,
    )


async def delete_pending(conn: Connection, bucket_id: UUID, commit_id: CommitId) -> None:
    """Forget a commit: it is recorded under its name, or storage refused it."""
    await conn.execute(
        "DELETE FROM pending_commit WHERE bucket_id = $1 AND commit_id = $2", bucket_id, commit_id
    )


async def delete_old(conn: Connection) -> None:
    """Forget what no event of storage can be about any more."""
    await conn.execute("DELETE FROM pending_commit WHERE created_at < now() - interval '1 day'")
