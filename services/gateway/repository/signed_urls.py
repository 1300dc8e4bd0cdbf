"""Signed links as rows: which were made and not taken back."""

from datetime import datetime
from uuid import UUID

import asyncpg
from msgspec import Struct

from libs.chassis.database import Connection
from services.gateway.domain.links import LinkMethod, Terms, expiry


class IssuedLink(Struct, frozen=True, kw_only=True):
    """A link that works, without its signature."""

    id: UUID
    key_id: UUID
    """Of the key that made it."""
    path: str
    method: LinkMethod
    created_at: datetime
    expires_at: datetime


async def insert(conn: Connection, terms: Terms, path: str) -> None:
    """Record a link; one that is not recorded is not good for anything."""
    await conn.execute(
        """
        INSERT INTO signed_url (link_id, key_id, bucket_id, path, method, expires_at)
        VALUES ($1, $2, $3, $4, $5, $6)
        """,
        terms.link_id,
        terms.key_id,
        terms.bucket_id,
        path,
        terms.method,
        expiry(terms),
    )


async def is_good(conn: Connection, link_id: UUID) -> bool:
    """Tell whether the link was made and not taken back."""
    good: bool = await conn.fetchval(
        """
        SELECT EXISTS (
            SELECT
            FROM signed_url
            WHERE link_id = $1
                AND revoked_at IS NULL
        )
        """,
        link_id,
    )
    return good


async def list_page(
    conn: Connection, bucket_id: UUID, *, of_key: UUID | None, before: UUID | None, limit: int
) -> list[IssuedLink]:
    """Return up to ``limit`` links that work, newest first; ``of_key`` leaves only its own."""
    rows = await conn.fetch(
        """
        SELECT link_id AS id, key_id, path, method, created_at, expires_at
        FROM signed_url
        WHERE bucket_id = $1
            AND revoked_at IS NULL
            AND expires_at > now()
            AND ($2::uuid IS NULL OR key_id = $2)
            AND ($3::uuid IS NULL OR link_id < $3)
        ORDER BY link_id DESC
        LIMIT $4
        """,
        bucket_id,
        of_key,
        before,
        limit,
    )
    return [_issued(row) for row in rows]


async def revoke(conn: Connection, bucket_id: UUID, link_id: UUID, *, of_key: UUID | None) -> bool:
    """Take the link back; False when there is none (of this key) that works."""
    status = await conn.execute(
        """
        UPDATE signed_url
        SET revoked_at = now()
        WHERE link_id = $1
            AND bucket_id = $2
            AND revoked_at IS NULL
            AND ($3::uuid IS NULL OR key_id = $3)
        """,
        link_id,
        bucket_id,
        of_key,
    )
    return status == "UPDATE 1"


async def delete_old(conn: Connection) -> None:
    """Forget links that ended by themselves."""
    await conn.execute(
        """
        DELETE FROM signed_url
        WHERE expires_at < now()
        """
    )


def _issued(row: asyncpg.Record) -> IssuedLink:
    return IssuedLink(**{name: row[name] for name in IssuedLink.__struct_fields__})
