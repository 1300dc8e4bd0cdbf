"""Promised objects: recorded before their first byte, kept by a commit or swept."""

from collections.abc import Sequence
from datetime import datetime

from libs.chassis.database import Connection


async def insert(conn: Connection, keys: Sequence[str], *, lease_s: float) -> datetime:
    """Record that objects may appear at ``keys``; return until when they may be committed.

    Runs as its own transaction and does not wait for the disk, as little as an upload's intent: if
    a power loss takes it, the commit finds no promise and refuses, and the object is an orphan.
    """
    expires_at: datetime = await conn.fetchval(
        """
        WITH unsynced AS (
            SELECT set_config('synchronous_commit', 'off', true)
        ), promised AS (
            INSERT INTO promised_object (key, expires_at)
            SELECT key, now() + make_interval(secs => $2)
            FROM unnest($1::text[]) AS promised (key), unsynced
            RETURNING expires_at
        )
        SELECT min(expires_at)
        FROM promised
        """,
        keys,
        lease_s,
    )
    return expires_at


async def keep(tx: Connection, keys: Sequence[str]) -> int:
    """Take the promises of ``keys`` as kept; return how many there were and had not expired."""
    status = await tx.execute(
        """
        DELETE FROM promised_object
        WHERE key = ANY ($1::text[])
            AND expires_at > now()
        """,
        keys,
    )
    return int(status.rpartition(" ")[2])


async def break_(conn: Connection, keys: Sequence[str]) -> None:
    """Doom what may lie at ``keys``; promises that were kept are left alone.

    Waits for a commit that is just keeping one.
    """
    await conn.execute(
        """
        WITH broken AS (
            DELETE FROM promised_object
            WHERE key = ANY ($1::text[])
            RETURNING key
        )
        INSERT INTO doomed_object (key)
        SELECT key
        FROM broken
        ON CONFLICT DO NOTHING
        """,
        keys,
    )


async def doom(tx: Connection, keys: Sequence[str]) -> None:
    """Have the objects at ``keys`` deleted."""
    await tx.execute(
        """
        INSERT INTO doomed_object (key)
        SELECT *
        FROM unnest($1::text[])
        ON CONFLICT DO NOTHING
        """,
        keys,
    )


async def doom_expired(tx: Connection, limit: int) -> int:
    """Doom up to ``limit`` objects whose promise was not kept; return how many."""
    broken: int = await tx.fetchval(
        """
        WITH expired AS (
            SELECT key
            FROM promised_object
            WHERE expires_at <= now()
            ORDER BY expires_at
            LIMIT $1
            FOR UPDATE SKIP LOCKED
        ), broken AS (
            DELETE FROM promised_object
            USING expired
            WHERE promised_object.key = expired.key
            RETURNING promised_object.key
        ), doomed AS (
            INSERT INTO doomed_object (key)
            SELECT key
            FROM broken
            ON CONFLICT DO NOTHING
        )
        SELECT count(*)
        FROM broken
        """,
        limit,
    )
    return broken
