"""Direct uploads: where their drafts lie, and until when."""

from uuid import UUID

from msgspec import Struct

from libs.chassis.database import Connection
from services.storage.domain.sessions import SessionNotFound


class Draft(Struct, frozen=True, kw_only=True):
    """Bytes that a client may have put."""

    key: str
    most_bytes: int | None


async def insert(tx: Connection, session_id: UUID, draft: Draft, *, ends_s: float) -> None:
    """Record that a draft may appear; it is deleted ``ends_s`` from now."""
    await tx.execute(
        """
        INSERT INTO direct_upload (session_id, key, most_bytes, ends_at)
        VALUES ($1, $2, $3, now() + make_interval(secs => $4))
        """,
        session_id,
        draft.key,
        draft.most_bytes,
        ends_s,
    )


async def get(conn: Connection, session_id: UUID) -> Draft:
    """Return the draft of a session; raises ``SessionNotFound``."""
    row = await conn.fetchrow(
        """
        SELECT key, most_bytes
        FROM direct_upload
        WHERE session_id = $1
            AND ends_at > now()
        """,
        session_id,
    )
    if row is None:
        raise SessionNotFound(str(session_id), upload_id=str(session_id))
    return Draft(key=row["key"], most_bytes=row["most_bytes"])


async def doom_draft(conn: Connection, session_id: UUID) -> None:
    """Have the draft deleted now; what is put after that goes at its end."""
    await conn.execute(
        """
        INSERT INTO doomed_object (key)
        SELECT key
        FROM direct_upload
        WHERE session_id = $1
        ON CONFLICT DO NOTHING
        """,
        session_id,
    )


async def doom_ended(tx: Connection, limit: int) -> int:
    """Doom up to ``limit`` drafts that nobody can write to any more; return how many."""
    ended: int = await tx.fetchval(
        """
        WITH ended AS (
            SELECT session_id
            FROM direct_upload
            WHERE ends_at <= now()
            ORDER BY ends_at
            LIMIT $1
            FOR UPDATE SKIP LOCKED
        ), forgotten AS (
            DELETE FROM direct_upload
            USING ended
            WHERE direct_upload.session_id = ended.session_id
            RETURNING direct_upload.key
        ), doomed AS (
            INSERT INTO doomed_object (key)
            SELECT key
            FROM forgotten
            ON CONFLICT DO NOTHING
        )
        SELECT count(*)
        FROM forgotten
        """,
        limit,
    )
    return ended
