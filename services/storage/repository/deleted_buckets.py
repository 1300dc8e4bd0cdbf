"""Buckets that are deleted and can be brought back, or are to be purged."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

import asyncpg

from libs.chassis.database import Connection
from libs.contracts.storage import DeletedBucket
from services.storage.domain.buckets import Bucket
from services.storage.domain.errors import BucketExists, DeletedBucketNotFound

_OWNED_BY_SECOND = """(
    $2::text[] IS NULL
    OR EXISTS (
        SELECT
        FROM "grant"
        WHERE "grant".bucket_id = bucket.bucket_id
            AND principal = ANY ($2)
            AND role = 'owner'
            AND prefix = ''
    )
)"""
"""True of buckets that one of the query's second argument owned."""


class Restored(NamedTuple):
    """A bucket that is there again."""

    bucket: Bucket
    closed_at: datetime
    again: bool
    """It was brought back before."""


async def list_deleted(
    conn: Connection, *, visible_to: Sequence[str] | None, grace_s: float
) -> list[DeletedBucket]:
    """Return what can be brought back, the last deleted first, or only what these owned."""
    rows = await conn.fetch(
        f"""
        SELECT bucket_id, name, versioning, closed_at, deleted_at
        FROM bucket
        WHERE state = 'deleted'
            AND deleted_at > now() - make_interval(secs => $1)
            AND {_OWNED_BY_SECOND}
        ORDER BY deleted_at DESC, bucket_id
        LIMIT 1000
        """,  # noqa: S608 - our own text
        grace_s,
        visible_to,
    )
    grace = timedelta(seconds=grace_s)
    return [DeletedBucket(**row, gone_at=row["deleted_at"] + grace) for row in rows]


async def restore(
    tx: Connection, bucket_id: UUID, *, visible_to: Sequence[str] | None, grace_s: float
) -> Restored:
    """Open a deleted bucket again; one that was restored before is returned as it is.

    The purge takes the same lock, and the clock is read behind it: so what is restored has lost
    nothing. Raises ``DeletedBucketNotFound`` and ``BucketExists``.
    """
    found = await tx.fetchrow(
        f"""
        SELECT *
        FROM bucket
        WHERE bucket_id = $1
            AND {_OWNED_BY_SECOND}
        FOR UPDATE
        """,  # noqa: S608 - our own text
        bucket_id,
        visible_to,
    )
    if found is None or found["closed_at"] is None:
        raise DeletedBucketNotFound(str(bucket_id), bucket_id=str(bucket_id))
    if found["state"] != "deleted":
        bucket = Bucket.of(found)
        bucket.check_open()
        return Restored(bucket, found["closed_at"], again=True)
    try:
        row = await tx.fetchrow(
            """
            UPDATE bucket
            SET state = 'open',
                closing_task_id = NULL,
                deleted_at = NULL
            WHERE bucket_id = $1
                AND deleted_at > clock_timestamp() - make_interval(secs => $2)
            RETURNING *
            """,
            bucket_id,
            grace_s,
        )
    except asyncpg.UniqueViolationError as error:
        name = found["name"]
        raise BucketExists(f"{name} is another bucket by now", bucket=name) from error
    if row is None:
        raise DeletedBucketNotFound(str(bucket_id), bucket_id=str(bucket_id))
    return Restored(Bucket.of(row), row["closed_at"], again=False)


async def find_to_purge_for_update(tx: Connection, *, grace_s: float) -> UUID | None:
    """Return a bucket beyond its grace that no upload and no other sweeper holds on to."""
    bucket_id: UUID | None = await tx.fetchval(
        """
        SELECT bucket_id
        FROM bucket
        WHERE state = 'deleted'
            AND deleted_at <= now() - make_interval(secs => $1)
            AND NOT EXISTS (SELECT FROM upload WHERE upload.bucket_id = bucket.bucket_id)
        LIMIT 1
        FOR UPDATE SKIP LOCKED
        """,
        grace_s,
    )
    return bucket_id
