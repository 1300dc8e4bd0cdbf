"""The parts of upload sessions: objects that stay promised until their session ends."""

from collections.abc import Sequence
from uuid import UUID

import msgspec

from libs.chassis.database import Connection
from libs.contracts.storage import BlobPlace
from services.storage.domain.sessions import SessionNotOpen

PROMISED_LONGER_S = 3600.0
"""Promises of parts end behind their session, whose sweeper breaks them."""


async def insert(tx: Connection, session_id: UUID, starts_at: int, part: BlobPlace) -> bool:
    """Add a part whose object was promised, and promise it until the session's end at the latest.

    False when there is no such promise any more: then a sweeper has the object in hand.
    """
    status = await tx.execute(
        """
        WITH promised AS (
            UPDATE promised_object
            SET expires_at = s.ends_at + make_interval(secs => $5)
            FROM upload_session AS s
            WHERE key = $3
                AND promised_object.expires_at > now()
                AND s.session_id = $1
            RETURNING key
        )
        INSERT INTO upload_session_part (session_id, starts_at, key, place)
        SELECT $1, $2, key, $4
        FROM promised
        """,
        session_id,
        starts_at,
        part.key,
        msgspec.to_builtins(part),
        PROMISED_LONGER_S,
    )
    return status == "INSERT 0 1"


async def list_page(
    conn: Connection, session_id: UUID, *, start_at: int, limit: int
) -> list[tuple[int, BlobPlace]]:
    """Return up to ``limit`` parts that start at or behind ``start_at``."""
    rows = await conn.fetch(
        """
        SELECT starts_at, place
        FROM upload_session_part
        WHERE session_id = $1
            AND starts_at >= $2
        ORDER BY starts_at
        LIMIT $3
        """,
        session_id,
        start_at,
        limit,
    )
    return [(row["starts_at"], msgspec.convert(row["place"], BlobPlace)) for row in rows]


async def take_only(tx: Connection, session_id: UUID) -> BlobPlace:
    """Remove the one part of a session and return it; the caller keeps its promise."""
    rows = await tx.fetch(
        "DELETE FROM upload_session_part WHERE session_id = $1 RETURNING place", session_id
    )
    if len(rows) != 1:
        raise SessionNotOpen("it has several parts", upload_id=str(session_id))
    return msgspec.convert(rows[0]["place"], BlobPlace)


async def promise(tx: Connection, key: str, *, lease_s: float) -> None:
    """Record that somebody may write to ``key``, in the caller's transaction."""
    await tx.execute(
        """
        INSERT INTO promised_object (key, expires_at)
        VALUES ($1, now() + make_interval(secs => $2))
        """,
        key,
        lease_s,
    )


async def promise_longer(conn: Connection, key: str, *, lease_s: float) -> None:
    """Promise ``key`` anew while it is being written."""
    await conn.execute(
        """
        WITH unsynced AS (
            SELECT set_config('synchronous_commit', 'off', true)
        )
        UPDATE promised_object
        SET expires_at = greatest(expires_at, now() + make_interval(secs => $2))
        FROM unsynced
        WHERE key = $1
            AND expires_at > now()
        """,
        key,
        lease_s,
    )


async def give_up(tx: Connection, session_ids: Sequence[UUID]) -> None:
    """Remove all parts of these sessions; their promises end, so their objects are swept."""
    await tx.execute(
        """
        WITH gone AS (
            DELETE FROM upload_session_part
            WHERE session_id = ANY ($1)
            RETURNING key
        )
        UPDATE promised_object
        SET expires_at = now()
        FROM gone
        WHERE promised_object.key = gone.key
        """,
        list(session_ids),
    )


async def give_up_unwritten(conn: Connection, key: str) -> None:
    """Let the object at ``key`` be swept, unless it became a part."""
    await conn.execute(
        """
        UPDATE promised_object
        SET expires_at = now()
        WHERE key = $1
            AND NOT EXISTS (SELECT FROM upload_session_part AS part WHERE part.key = $1)
        """,
        key,
    )
