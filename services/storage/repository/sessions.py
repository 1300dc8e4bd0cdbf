"""Upload sessions: how far they have come, who holds them, and their end."""

from collections.abc import Sequence
from uuid import UUID

import msgspec

from libs.chassis.database import Connection
from libs.contracts.storage import FilePut, SessionKind, SessionWish
from services.storage.domain.sessions import Session, SessionNotFound

_SESSION = """
    SELECT s.session_id, s.kind, s.actor, s.wish, s.length, s.received, s.expires_at, s.lease_id,
        s.partials, s.joined_into, s.put,
        s.expires_at <= now() AS expired,
        coalesce(s.leased_until > now(), false) AS held,
        b.bucket_id, b.name, b.versioning, b.settings, b.state, b.closing_task_id, b.created_at,
        b.created_by
    FROM upload_session AS s
    LEFT JOIN bucket AS b ON b.bucket_id = s.bucket_id AND b.state <> 'deleted'
    """


async def insert(
    tx: Connection,
    session_id: UUID,
    kind: SessionKind,
    actor: str,
    *,
    wish: SessionWish,
    bucket_id: UUID | None,
    length: int | None,
    partials: Sequence[UUID],
    idle_s: float,
    longest_s: float,
) -> None:
    """Begin a session."""
    await tx.execute(
        """
        INSERT INTO upload_session (
            session_id, kind, actor, wish, bucket_id, length, partials, expires_at, ends_at
        )
        VALUES (
            $1, $2, $3, $4, $5, $6, $7,
            now() + make_interval(secs => least($8::float8, $9::float8)),
            now() + make_interval(secs => $9::float8)
        )
        """,
        session_id,
        kind,
        actor,
        msgspec.to_builtins(wish),
        bucket_id,
        length,
        list(partials),
        idle_s,
        longest_s,
    )


async def get(conn: Connection, session_id: UUID, actor: str | None = None) -> Session:
    """Return the session; with ``actor`` only if it is that one's. Raises ``SessionNotFound``."""
    return await _get(conn, session_id, actor, "")


async def get_for_update(tx: Connection, session_id: UUID, actor: str | None = None) -> Session:
    """Return the same; nobody else changes it until this transaction ends."""
    return await _get(tx, session_id, actor, "FOR UPDATE OF s")


async def list_for_update(tx: Connection, session_ids: Sequence[UUID], actor: str) -> list[Session]:
    """Return those of the sessions that are ``actor``'s, locked in one order."""
    rows = await tx.fetch(
        f"{_SESSION} WHERE s.session_id = ANY ($1) AND s.actor = $2 "
        "ORDER BY s.session_id FOR UPDATE OF s",
        list(session_ids),
        actor,
    )
    return [Session.of(row) for row in rows]


async def find_joined(tx: Connection, partials: Sequence[UUID], actor: str) -> UUID | None:
    """Return the session that was made of exactly these partial ones before."""
    found: UUID | None = await tx.fetchval(
        """
        SELECT final.session_id
        FROM upload_session AS part
        JOIN upload_session AS final ON final.session_id = part.joined_into
        WHERE part.session_id = ($1::uuid[])[1]
            AND final.partials = $1::uuid[]
            AND final.actor = $2
        """,
        list(partials),
        actor,
    )
    return found


async def want(conn: Connection, session_id: UUID) -> None:
    """Tell whoever holds the session that somebody else waits for it."""
    await conn.execute(
        "UPDATE upload_session SET lease_wanted = true WHERE session_id = $1 AND NOT lease_wanted",
        session_id,
    )


async def lease(
    tx: Connection, session_id: UUID, lease_id: UUID, *, length: int | None, lease_s: float
) -> None:
    """Give the session, locked by the caller, to ``lease_id``; note its length when told.

    Not synced to the disk: of what a power loss takes here, nothing was acknowledged.
    """
    await tx.execute(
        """
        WITH unsynced AS (
            SELECT set_config('synchronous_commit', 'off', true)
        )
        UPDATE upload_session
        SET lease_id = $2,
            leased_until = now() + make_interval(secs => $4),
            lease_wanted = false,
            length = coalesce(length, $3),
            expires_at = greatest(expires_at, now() + make_interval(secs => $4))
        FROM unsynced
        WHERE session_id = $1
        """,
        session_id,
        lease_id,
        length,
        lease_s,
    )


async def renew(
    conn: Connection, session_id: UUID, lease_id: UUID, *, lease_s: float
) -> bool | None:
    """Hold on to the session; return whether another wants it, None when the lease is lost."""
    wanted: bool | None = await conn.fetchval(
        """
        WITH unsynced AS (
            SELECT set_config('synchronous_commit', 'off', true)
        )
        UPDATE upload_session
        SET leased_until = now() + make_interval(secs => $3),
            expires_at = greatest(expires_at, now() + make_interval(secs => $3))
        FROM unsynced
        WHERE session_id = $1
            AND lease_id = $2
        RETURNING lease_wanted
        """,
        session_id,
        lease_id,
        lease_s,
    )
    return wanted


async def release(conn: Connection, session_id: UUID, lease_id: UUID) -> None:
    """Let go of the session, if the lease still is this one."""
    await conn.execute(
        """
        UPDATE upload_session
        SET lease_id = NULL, leased_until = NULL, lease_wanted = false
        WHERE session_id = $1
            AND lease_id = $2
        """,
        session_id,
        lease_id,
    )


async def advance(
    tx: Connection, session_id: UUID, size: int, *, keep_lease: bool, idle_s: float
) -> None:
    """Note that ``size`` bytes more have come; who goes on assembling keeps the lease."""
    await tx.execute(
        """
        UPDATE upload_session
        SET received = received + $2,
            expires_at = least(greatest(expires_at, now() + make_interval(secs => $4)), ends_at),
            lease_id = CASE WHEN $3 THEN lease_id END,
            leased_until = CASE WHEN $3 THEN leased_until END,
            lease_wanted = false
        WHERE session_id = $1
        """,
        session_id,
        size,
        keep_lease,
        idle_s,
    )


async def join(tx: Connection, final_id: UUID, partials: Sequence[UUID]) -> None:
    """Give the final session all parts of ``partials``, locked by the caller, in their order.

    It lives no longer than the first of them, as its parts are not promised for longer.
    """
    await tx.execute(
        """
        WITH joined AS (
            SELECT p.session_id, p.length, p.ends_at,
                sum(p.length) OVER (ORDER BY given.place) - p.length AS starts_at
            FROM unnest($2::uuid[]) WITH ORDINALITY AS given (session_id, place)
            JOIN upload_session AS p USING (session_id)
        ), moved AS (
            UPDATE upload_session_part AS part
            SET session_id = $1,
                starts_at = part.starts_at + joined.starts_at
            FROM joined
            WHERE part.session_id = joined.session_id
        ), noted AS (
            UPDATE upload_session AS p
            SET joined_into = $1
            FROM joined
            WHERE p.session_id = joined.session_id
        )
        UPDATE upload_session AS final
        SET length = total.length,
            received = total.length,
            ends_at = least(final.ends_at, total.ends_at),
            expires_at = least(final.expires_at, total.ends_at)
        FROM (
            SELECT sum(length)::bigint AS length, min(ends_at) AS ends_at
            FROM joined
        ) AS total
        WHERE session_id = $1
        """,
        final_id,
        list(partials),
    )


async def finish(tx: Connection, session_id: UUID, put: FilePut, *, kept_s: float) -> None:
    """Note the file that the session became, and tell it for ``kept_s`` to who asks again."""
    await tx.execute(
        """
        UPDATE upload_session
        SET put = $2,
            lease_id = NULL,
            leased_until = NULL,
            lease_wanted = false,
            expires_at = now() + make_interval(secs => $3)
        WHERE session_id = $1
        """,
        session_id,
        msgspec.to_builtins(put),
        kept_s,
    )


async def delete(tx: Connection, session_ids: Sequence[UUID]) -> None:
    """Forget sessions whose parts the caller has given up."""
    await tx.execute("DELETE FROM upload_session WHERE session_id = ANY ($1)", list(session_ids))


async def list_expired_for_update(tx: Connection, limit: int) -> list[UUID]:
    """Return sessions that are over, that nobody holds, and that no other sweeper has in hand."""
    rows = await tx.fetch(
        """
        SELECT session_id
        FROM upload_session
        WHERE expires_at <= now()
        ORDER BY expires_at
        LIMIT $1
        FOR UPDATE SKIP LOCKED
        """,
        limit,
    )
    return [row["session_id"] for row in rows]


async def _get(conn: Connection, session_id: UUID, actor: str | None, lock: str) -> Session:
    row = await conn.fetchrow(
        f"{_SESSION} WHERE s.session_id = $1 AND ($2::text IS NULL OR s.actor = $2) {lock}",
        session_id,
        actor,
    )
    if row is None:
        raise SessionNotFound("it never was, or is over", upload_id=str(session_id))
    return Session.of(row)
