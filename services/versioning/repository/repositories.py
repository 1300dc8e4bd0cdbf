"""Repositories: the history of each bucket, and who may write that of ``main``."""

from uuid import UUID

from msgspec import Struct

from libs.chassis.database import Connection
from libs.contracts.versioning import OfBucket
from services.versioning.domain.errors import BucketNotFound
from services.versioning.domain.refs import MAIN


class Repository(Struct, frozen=True):
    """The history of one bucket."""

    bucket_id: UUID
    bucket: str


async def get_repository(conn: Connection, wanted: OfBucket) -> Repository:
    """Return the repository of a bucket: the one that is meant, and has its name still."""
    row = await conn.fetchrow(
        """
        SELECT bucket_id, bucket
        FROM repository
        WHERE bucket = $1
          AND deleted_at IS NULL
          AND ($2::uuid IS NULL OR bucket_id = $2)
        """,
        wanted.bucket,
        wanted.bucket_id,
    )
    if row is None:
        raise BucketNotFound(wanted.bucket, bucket=wanted.bucket)
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
    await tx.execute(
        "INSERT INTO ref (bucket_id, name) VALUES ($1, $2) ON CONFLICT DO NOTHING", bucket_id, MAIN
    )


async def _lock(tx: Connection, bucket_id: UUID) -> bool:
    found = await tx.fetchval(
        "SELECT 1 FROM repository WHERE bucket_id = $1 FOR NO KEY UPDATE", bucket_id
    )
    return found is not None


async def mark_restored(tx: Connection, bucket_id: UUID) -> None:
    """Give a bucket that is there again its history back by name, unless another has the name."""
    await tx.execute(
        """
        UPDATE repository
        SET deleted_at = NULL
        WHERE bucket_id = $1
          AND deleted_at IS NOT NULL
          AND NOT EXISTS (
              SELECT FROM repository AS other
              WHERE other.bucket = repository.bucket
                AND other.deleted_at IS NULL
          )
        """,
        bucket_id,
    )


async def lock_for_planning(tx: Connection, bucket_id: UUID) -> None:
    """Keep others from planning commits to main until ``tx`` ends; storage's go on."""
    await tx.execute(
        "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", f"planning {bucket_id}"
    )


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
