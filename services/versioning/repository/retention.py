"""Policies of retention, how far each was applied, and what was given up."""

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from msgspec import Struct

from libs.chassis.database import Connection
from libs.contracts.versioning import RetentionPolicy
from services.versioning.repository.past_states import Behind


class Retaining(Struct, frozen=True, kw_only=True):
    """What is kept of a bucket, and what was given up so far."""

    policy: RetentionPolicy | None = None
    behind: Behind | None = None
    ran_at: datetime | None = None
    expired: int = 0
    expired_bytes: int = 0


async def get_retaining(conn: Connection, bucket_id: UUID) -> Retaining:
    """Return what is kept of a bucket: all, where nobody said anything."""
    row = await conn.fetchrow("SELECT * FROM retention WHERE bucket_id = $1", bucket_id)
    return Retaining() if row is None else _retaining(row)


async def find_retaining_for_update(tx: Connection, bucket_id: UUID) -> Retaining | None:
    """Return what is kept of a bucket, unless somebody applies or changes it right now."""
    row = await tx.fetchrow(
        "SELECT * FROM retention WHERE bucket_id = $1 FOR NO KEY UPDATE SKIP LOCKED", bucket_id
    )
    return None if row is None else _retaining(row)


async def upsert_policy(
    tx: Connection, bucket_id: UUID, policy: RetentionPolicy | None, actor: str
) -> None:
    """Set what is kept from now on; it is applied from the beginning."""
    await tx.execute(
        """
        INSERT INTO retention (bucket_id, policy, set_by)
        VALUES ($1, $2, $3)
        ON CONFLICT (bucket_id) DO UPDATE
        SET policy = excluded.policy,
            set_at = excluded.set_at,
            set_by = excluded.set_by,
            behind = NULL,
            ran_at = NULL
        """,
        bucket_id,
        None if policy is None else msgspec.to_builtins(policy),
        actor,
    )


async def list_due(conn: Connection, *, every_s: float, limit: int) -> list[tuple[UUID, str]]:
    """Return living buckets whose policy is to be applied, or is being applied, by id and name."""
    rows = await conn.fetch(
        """
        SELECT bucket_id, bucket
        FROM retention
        JOIN repository USING (bucket_id)
        WHERE deleted_at IS NULL
            AND num_nonnulls(policy ->> 'keep_last', policy ->> 'keep_days') > 0
            AND (
                behind IS NOT NULL
                OR ran_at IS NULL
                OR ran_at <= now() - make_interval(secs => $1)
            )
        ORDER BY ran_at NULLS FIRST
        LIMIT $2
        """,
        every_s,
        limit,
    )
    return [(row["bucket_id"], row["bucket"]) for row in rows]


async def move_on(tx: Connection, bucket_id: UUID, behind: Behind | None) -> None:
    """Note how far a policy was applied; None: in full."""
    await tx.execute(
        """
        UPDATE retention
        SET behind = $2,
            ran_at = CASE WHEN $2::jsonb IS NULL THEN now() ELSE ran_at END
        WHERE bucket_id = $1
        """,
        bucket_id,
        None if behind is None else msgspec.to_builtins(behind),
    )


async def count_expired(tx: Connection, bucket_id: UUID, *, states: int, size: int) -> None:
    """Add to what was given up."""
    await tx.execute(
        """
        INSERT INTO retention AS r (bucket_id, expired, expired_bytes)
        VALUES ($1, $2, $3)
        ON CONFLICT (bucket_id) DO UPDATE
        SET expired = r.expired + excluded.expired,
            expired_bytes = r.expired_bytes + excluded.expired_bytes
        """,
        bucket_id,
        states,
        size,
    )


def _retaining(row: Any) -> Retaining:
    return Retaining(
        policy=msgspec.convert(row["policy"], RetentionPolicy | None),
        behind=msgspec.convert(row["behind"], Behind | None),
        ran_at=row["ran_at"],
        expired=row["expired"],
        expired_bytes=row["expired_bytes"],
    )
