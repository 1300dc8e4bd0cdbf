"""Grants: rows that die with their bucket."""

from datetime import datetime
from uuid import UUID

import msgspec

from libs.chassis.database import Connection
from libs.contracts.storage import Grant, Role
from services.storage.domain.buckets import Bucket
from services.storage.domain.errors import BucketNotFound, GrantNotFound
from services.storage.domain.row import Row


async def get_policy(conn: Connection, name: str) -> tuple[Bucket, list[Grant]]:
    """Return the bucket with its grants, by prefix and principal, or raise ``BucketNotFound``.

    One statement, so that both are of the same instant, and that a bucket with grants takes no
    more turns than one that is not there.
    """
    rows = await conn.fetch(
        """
        SELECT bucket.*, prefix, principal, role, granted_at, granted_by
        FROM bucket
        LEFT JOIN "grant" USING (bucket_id)
        WHERE name = $1
            AND state <> 'deleted'
        ORDER BY prefix, principal
        """,
        name,
    )
    if not rows:
        raise BucketNotFound(name, bucket=name)
    return Bucket.of(rows[0]), [_grant(row) for row in rows if row["principal"] is not None]


async def list_grants(conn: Connection, bucket_id: UUID) -> list[Grant]:
    """Return the bucket's grants by prefix and principal."""
    rows = await conn.fetch(
        """
        SELECT prefix, principal, role, granted_at, granted_by
        FROM "grant"
        WHERE bucket_id = $1
        ORDER BY prefix, principal
        """,
        bucket_id,
    )
    return [_grant(row) for row in rows]


async def upsert_grant(
    tx: Connection, bucket_id: UUID, *, principal: str, prefix: str, role: Role, actor: str
) -> Grant:
    """Give ``principal`` this role below ``prefix``; the caller has the bucket locked."""
    granted_at: datetime = await tx.fetchval(
        """
        INSERT INTO "grant" (bucket_id, prefix, principal, role, granted_by)
        VALUES ($1, $2, $3, $4, $5)
        ON CONFLICT ON CONSTRAINT grant_is_one_per_prefix_and_principal DO UPDATE
        SET role = excluded.role,
            granted_at = excluded.granted_at,
            granted_by = excluded.granted_by
        RETURNING granted_at
        """,
        bucket_id,
        prefix,
        principal,
        role,
        actor,
    )
    return Grant(
        principal=principal, prefix=prefix, role=role, granted_at=granted_at, granted_by=actor
    )


async def delete_grant(tx: Connection, bucket_id: UUID, *, principal: str, prefix: str) -> None:
    """Take a grant back, or raise ``GrantNotFound``."""
    status = await tx.execute(
        """
        DELETE FROM "grant"
        WHERE bucket_id = $1
            AND prefix = $2
            AND principal = $3
        """,
        bucket_id,
        prefix,
        principal,
    )
    if status != "DELETE 1":
        raise GrantNotFound(principal, principal=principal, prefix=prefix)


def _grant(row: Row) -> Grant:
    return msgspec.convert({name: row[name] for name in Grant.__struct_fields__}, Grant)
