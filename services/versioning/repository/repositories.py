"""Repositories and their refs: which commit is the head of what."""

from uuid import UUID

from msgspec import Struct

from libs.chassis.database import Connection
from services.versioning.domain.commits import CommitId
from services.versioning.domain.errors import BucketNotFound, RefAmbiguous, RefNotFound

MAIN = "main"
SHORTEST_PREFIX = 8


class Repository(Struct, frozen=True):
    """The history of one bucket."""

    bucket_id: UUID
    bucket: str


async def get_repository(conn: Connection, bucket: str) -> Repository:
    """Return the repository of the bucket that has this name now."""
    row = await conn.fetchrow(
        """
        SELECT bucket_id, bucket
        FROM repository
        WHERE bucket = $1
          AND deleted_at IS NULL
        """,
        bucket,
    )
    if row is None:
        raise BucketNotFound(bucket, bucket=bucket)
    return Repository(**row)


async def lock_for_update(tx: Connection, bucket_id: UUID, bucket: str) -> None:
    """Make the repository unless it is there, and keep others from committing to it.

    Ids of buckets grow with time: of several that had the name, only the youngest has it. So
    neither events that come late nor those that come again take a name from its owner.
    """
    if await _lock(tx, bucket_id):
        return
    await tx.execute(
        """
        UPDATE repository
        SET deleted_at = now()
        WHERE bucket = $1
          AND bucket_id < $2
          AND deleted_at IS NULL
        """,
        bucket,
        bucket_id,
    )
    await tx.execute(
        """
        INSERT INTO repository (bucket_id, bucket, deleted_at)
        VALUES (
            $1,
            $2,
            (SELECT now() FROM repository WHERE bucket = $2 AND bucket_id > $1 LIMIT 1)
        )
        ON CONFLICT (bucket_id) DO NOTHING
        """,
        bucket_id,
        bucket,
    )
    await _lock(tx, bucket_id)


async def _lock(tx: Connection, bucket_id: UUID) -> bool:
    found = await tx.fetchval("SELECT 1 FROM repository WHERE bucket_id = $1 FOR UPDATE", bucket_id)
    return found is not None


async def mark_deleted(tx: Connection, bucket_id: UUID) -> None:
    """Keep the history of a bucket that is gone, under its id only."""
    await tx.execute(
        """
        UPDATE repository
        SET deleted_at = now()
        WHERE bucket_id = $1
          AND deleted_at IS NULL
        """,
        bucket_id,
    )


async def find_head(conn: Connection, bucket_id: UUID, ref: str = MAIN) -> CommitId | None:
    """Return the commit that ``ref`` names."""
    head = await conn.fetchval(
        "SELECT commit_id FROM ref WHERE bucket_id = $1 AND name = $2", bucket_id, ref
    )
    return None if head is None else CommitId(head)


async def get_commit_id(conn: Connection, bucket_id: UUID, ref: str) -> CommitId:
    """Return the commit that a branch, a tag, a commit id or a prefix of one names."""
    head = await find_head(conn, bucket_id, ref)
    if head is not None:
        return head
    if len(ref) >= SHORTEST_PREFIX and _is_hex(ref):
        return await _by_prefix(conn, bucket_id, ref.lower())
    raise RefNotFound(ref, ref=ref)


async def _by_prefix(conn: Connection, bucket_id: UUID, prefix: str) -> CommitId:
    low = bytes.fromhex(prefix.ljust(64, "0"))
    high = bytes.fromhex(prefix.ljust(64, "f"))
    rows = await conn.fetch(
        """
        SELECT commit_id
        FROM commit
        WHERE bucket_id = $1
          AND commit_id BETWEEN $2 AND $3
        LIMIT 2
        """,
        bucket_id,
        low,
        high,
    )
    if not rows:
        raise RefNotFound(prefix, ref=prefix)
    if len(rows) > 1:
        raise RefAmbiguous(prefix, ref=prefix)
    return CommitId(rows[0]["commit_id"])


async def move_ref(tx: Connection, bucket_id: UUID, commit_id: CommitId, ref: str = MAIN) -> None:
    """Let ``ref`` name ``commit_id``; the caller holds the repository's lock."""
    await tx.execute(
        """
        INSERT INTO ref (bucket_id, name, commit_id)
        VALUES ($1, $2, $3)
        ON CONFLICT (bucket_id, name) DO UPDATE
        SET commit_id = excluded.commit_id,
            moved_at = now()
        """,
        bucket_id,
        ref,
        commit_id,
    )


def _is_hex(text: str) -> bool:
    return len(text) <= 64 and all(digit in "0123456789abcdefABCDEF" for digit in text)
