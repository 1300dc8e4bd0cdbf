"""API keys as rows."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import asyncpg

from libs.chassis.database import Connection
from services.gateway.domain.keys import KnownKey


async def find(conn: Connection, key_id: UUID) -> KnownKey | None:
    """Return the key, whatever its state."""
    row = await conn.fetchrow(
        """
        SELECT *
        FROM api_key
        WHERE key_id = $1
        """,
        key_id,
    )
    return _known(row) if row is not None else None


async def list_page(conn: Connection, *, before: UUID | None, limit: int) -> list[KnownKey]:
    """Return up to ``limit`` keys that are not revoked, newest first, older than ``before``."""
    rows = await conn.fetch(
        """
        SELECT *
        FROM api_key
        WHERE revoked_at IS NULL
          AND ($1::uuid IS NULL OR key_id < $1)
        ORDER BY key_id DESC
        LIMIT $2
        """,
        before,
        limit,
    )
    return [_known(row) for row in rows]


async def insert_if_absent(tx: Connection, key: KnownKey) -> None:
    """Make ``key`` known unless its id is: a revoked key does not come back."""
    await tx.execute(
        """
        INSERT INTO api_key (
            key_id, name, secret_hash, scopes, created_by, created_at, acts_for_user, groups,
            expires_at
        )
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
        ON CONFLICT ON CONSTRAINT api_key_is_one_per_id DO NOTHING
        """,
        key.key_id,
        key.name,
        key.secret_hash,
        sorted(key.scopes),
        key.created_by,
        key.created_at,
        key.user,
        sorted(key.groups),
        key.expires_at,
    )


async def revoke(tx: Connection, key_id: UUID, now: datetime) -> bool:
    """Revoke the key; False when there is none, or it was revoked before."""
    status = await tx.execute(
        """
        UPDATE api_key
        SET revoked_at = $2
        WHERE key_id = $1
          AND revoked_at IS NULL
        """,
        key_id,
        now,
    )
    return status == "UPDATE 1"


def _known(row: asyncpg.Record) -> KnownKey:
    scopes: Sequence[str] = row["scopes"]
    return KnownKey(
        key_id=row["key_id"],
        name=row["name"],
        secret_hash=row["secret_hash"],
        scopes=frozenset(scopes),  # type: ignore[arg-type]  # the table's CHECK holds
        created_by=row["created_by"],
        created_at=row["created_at"],
        user=row["acts_for_user"],
        groups=frozenset(row["groups"]),
        expires_at=row["expires_at"],
        revoked_at=row["revoked_at"],
    )
