"""Buckets. A deleted one keeps its row until it is purged, and its name is free."""

from collections.abc import Collection, Sequence
from uuid import UUID

import msgspec

from libs.chassis.database import Connection
from libs.contracts.storage import BucketSettings, CreateBucket
from libs.contracts.values import Versioning
from services.storage.domain.buckets import Bucket, settings_of
from services.storage.domain.errors import BucketExists, BucketNotFound


async def insert_bucket(tx: Connection, bucket_id: UUID, wish: CreateBucket) -> Bucket:
    """Make a bucket, or raise ``BucketExists``."""
    row = await tx.fetchrow(
        """
        INSERT INTO bucket (bucket_id, name, versioning, created_by, settings)
        VALUES ($1, $2, $3, $4, $5)
        ON CONFLICT (name) WHERE state <> 'deleted' DO NOTHING
        RETURNING *
        """,
        bucket_id,
        wish.name,
        wish.versioning,
        wish.actor,
        msgspec.to_builtins(settings_of(wish)),
    )
    if row is None:
        raise BucketExists(wish.name, bucket=wish.name)
    return Bucket.of(row)


async def get_bucket(conn: Connection, name: str) -> Bucket:
    """Return the bucket, or raise ``BucketNotFound``."""
    row = await conn.fetchrow(
        """
        SELECT *
        FROM bucket
        WHERE name = $1
            AND state <> 'deleted'
        """,
        name,
    )
    if row is None:
        raise BucketNotFound(name, bucket=name)
    return Bucket.of(row)


async def get_open_for_share(tx: Connection, name: str) -> Bucket:
    """Return a bucket that takes changes, and cannot be deleted until this transaction ends.

    The weakest lock there is: writers of one bucket do not wait for each other, nor for a change
    of its settings. Raises ``BucketNotFound`` and ``BucketClosing``.
    """
    row = await tx.fetchrow(
        """
        SELECT *
        FROM bucket
        WHERE name = $1
            AND state <> 'deleted'
        FOR KEY SHARE
        """,
        name,
    )
    if row is None:
        raise BucketNotFound(name, bucket=name)
    bucket = Bucket.of(row)
    bucket.check_open()
    return bucket


async def list_for_share(tx: Connection, names: Collection[str]) -> dict[str, Bucket]:
    """Return those of ``names`` that are there; none is deleted until this transaction ends."""
    rows = await tx.fetch(
        """
        SELECT *
        FROM bucket
        WHERE name = ANY ($1::text[])
            AND state <> 'deleted'
        ORDER BY bucket_id
        FOR KEY SHARE
        """,
        list(names),
    )
    return {row["name"]: Bucket.of(row) for row in rows}


async def list_buckets(
    conn: Connection, *, start_after: str, visible_to: Sequence[str] | None, limit: int
) -> list[Bucket]:
    """Return up to ``limit`` buckets behind ``start_after``, by name.

    With ``visible_to`` only those that one of these principals has a grant in, and public ones.
    """
    rows = await conn.fetch(
        """
        SELECT *
        FROM bucket
        WHERE name > $1
            AND state <> 'deleted'
            AND (
                $3::text[] IS NULL
                OR settings @> '{"public_read": true}'
                OR EXISTS (
                    SELECT
                    FROM "grant"
                    WHERE "grant".bucket_id = bucket.bucket_id
                        AND principal = ANY ($3)
                )
            )
        ORDER BY name
        LIMIT $2
        """,
        start_after,
        limit,
        visible_to,
    )
    return [Bucket.of(row) for row in rows]


async def get_open_for_change(tx: Connection, name: str, *, alone: bool = False) -> Bucket:
    """Return a bucket whose settings nobody else changes until this transaction ends.

    Whoever writes files does not wait for this, unless it is to be ``alone``: then those who began
    before have ended, and others begin behind it. Raises ``BucketNotFound`` and ``BucketClosing``.
    """
    row = await tx.fetchrow(
        f"""
        SELECT *
        FROM bucket
        WHERE name = $1
            AND state <> 'deleted'
        FOR {"UPDATE" if alone else "NO KEY UPDATE"}
        """,  # noqa: S608 - one of two words
        name,
    )
    if row is None:
        raise BucketNotFound(name, bucket=name)
    bucket = Bucket.of(row)
    bucket.check_open()
    return bucket


async def update_settings(
    tx: Connection, bucket_id: UUID, versioning: Versioning, settings: BucketSettings
) -> Bucket:
    """Change the settings; the caller has the bucket locked."""
    row = await tx.fetchrow(
        """
        UPDATE bucket
        SET versioning = $2,
            settings = $3
        WHERE bucket_id = $1
        RETURNING *
        """,
        bucket_id,
        versioning,
        msgspec.to_builtins(settings),
    )
    if row is None:
        raise BucketNotFound(str(bucket_id))
    return Bucket.of(row)


async def find_for_share(tx: Connection, bucket_id: UUID) -> Bucket | None:
    """Return the bucket, closing or not, which is not deleted until this transaction ends."""
    row = await tx.fetchrow(
        """
        SELECT *
        FROM bucket
        WHERE bucket_id = $1
            AND state <> 'deleted'
        FOR KEY SHARE
        """,
        bucket_id,
    )
    return None if row is None else Bucket.of(row)


async def find_for_update(tx: Connection, bucket_id: UUID) -> Bucket | None:
    """Return the bucket, after every change of its files that was begun has ended."""
    row = await tx.fetchrow(
        """
        SELECT *
        FROM bucket
        WHERE bucket_id = $1
            AND state <> 'deleted'
        FOR UPDATE
        """,
        bucket_id,
    )
    return None if row is None else Bucket.of(row)


async def close(tx: Connection, name: str, task_id: UUID) -> Bucket:
    """Let the bucket take no more changes, for ``task_id`` unless it was closed for another.

    Does not wait for changes that were begun: those may still come after this.
    """
    row = await tx.fetchrow(
        """
        UPDATE bucket
        SET state = 'closing',
            closing_task_id = CASE state WHEN 'closing' THEN closing_task_id ELSE $2 END,
            closed_at = CASE state WHEN 'closing' THEN closed_at END
        WHERE name = $1
            AND state <> 'deleted'
        RETURNING *
        """,
        name,
        task_id,
    )
    if row is None:
        raise BucketNotFound(name, bucket=name)
    return Bucket.of(row)


async def close_for_task(tx: Connection, bucket_id: UUID, task_id: UUID) -> Bucket | None:
    """Close the bucket for a task that is running now, also if it was reopened in between.

    Every change that was begun has ended when this notes, the first time, at which time it closed.
    """
    if await find_for_update(tx, bucket_id) is None:
        return None
    row = await tx.fetchrow(
        """
        UPDATE bucket
        SET state = 'closing',
            closing_task_id = $2,
            closed_at = CASE
                WHEN state = 'closing' AND closed_at IS NOT NULL THEN closed_at
                ELSE clock_timestamp()
            END
        WHERE bucket_id = $1
        RETURNING *
        """,
        bucket_id,
        task_id,
    )
    return None if row is None else Bucket.of(row)


async def reopen(tx: Connection, task_id: UUID) -> None:
    """Let the bucket that was closed for ``task_id`` take changes again, if it still is."""
    await tx.execute(
        """
        UPDATE bucket
        SET state = 'open',
            closing_task_id = NULL,
            closed_at = NULL
        WHERE closing_task_id = $1
            AND state = 'closing'
        """,
        task_id,
    )


async def delete(tx: Connection, bucket_id: UUID) -> None:
    """Take the bucket's name away; the caller has it locked and found it empty.

    One that was not closed to be emptied takes changes until now.
    """
    await tx.execute(
        """
        UPDATE bucket
        SET state = 'deleted',
            closed_at = CASE
                WHEN state = 'closing' AND closed_at IS NOT NULL THEN closed_at
                ELSE clock_timestamp()
            END,
            deleted_at = clock_timestamp()
        WHERE bucket_id = $1
        """,
        bucket_id,
    )
