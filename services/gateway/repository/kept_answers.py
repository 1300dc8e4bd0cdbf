"""First answers to POST requests, by API key and ``Idempotency-Key``."""

from uuid import UUID

import asyncpg
from msgspec import Struct

from libs.chassis.database import Connection

KEPT_S = 24 * 3600.0
ABANDONED_S = 60.0
"""A request that is not answered by then died with its gateway; it may be tried again."""


class KeptAnswer(Struct, frozen=True, kw_only=True):
    """An answer, or the note that it is being made (``status`` is absent)."""

    request_hash: bytes
    status: int | None
    headers: list[list[str]]
    body: bytes


async def claim(
    tx: Connection, key_id: UUID, idempotency_key: str, request_hash: bytes
) -> KeptAnswer | None:
    """Claim the key for this request and return None, or return what it is claimed for.

    A claim older than a day, or abandoned by a gateway that died, is taken over.
    """
    claimed = await tx.fetchval(
        """
        INSERT INTO kept_answer AS kept (key_id, idempotency_key, request_hash)
        VALUES ($1, $2, $3)
        ON CONFLICT ON CONSTRAINT kept_answer_is_one_per_key DO UPDATE
        SET request_hash = excluded.request_hash,
            claimed_at = now(),
            status = NULL,
            headers = NULL,
            body = NULL
        WHERE kept.claimed_at < now() - make_interval(secs => $4)
           OR (kept.status IS NULL
               AND kept.request_hash = excluded.request_hash
               AND kept.claimed_at < now() - make_interval(secs => $5))
        RETURNING true
        """,
        key_id,
        idempotency_key,
        request_hash,
        KEPT_S,
        ABANDONED_S,
    )
    if claimed:
        return None
    row = await tx.fetchrow(
        """
        SELECT request_hash, status, headers, body
        FROM kept_answer
        WHERE key_id = $1
          AND idempotency_key = $2
        """,
        key_id,
        idempotency_key,
    )
    return _kept(row) if row is not None else None


async def keep(
    conn: Connection,
    key_id: UUID,
    idempotency_key: str,
    *,
    status: int,
    headers: list[list[str]],
    body: bytes,
) -> None:
    """Keep the answer of the claimed request."""
    await conn.execute(
        """
        UPDATE kept_answer
        SET status = $3,
            headers = $4,
            body = $5
        WHERE key_id = $1
          AND idempotency_key = $2
        """,
        key_id,
        idempotency_key,
        status,
        headers,
        body,
    )


async def give_up(conn: Connection, key_id: UUID, idempotency_key: str) -> None:
    """Forget a claim whose request was not answered, so that it can be tried again."""
    await conn.execute(
        """
        DELETE FROM kept_answer
        WHERE key_id = $1
          AND idempotency_key = $2
          AND status IS NULL
        """,
        key_id,
        idempotency_key,
    )


async def delete_old(conn: Connection) -> None:
    """Forget what nobody may ask for any more."""
    await conn.execute(
        """
        DELETE FROM kept_answer
        WHERE claimed_at < now() - make_interval(secs => $1)
        """,
        KEPT_S,
    )


def _kept(row: asyncpg.Record) -> KeptAnswer:
    return KeptAnswer(
        request_hash=row["request_hash"],
        status=row["status"],
        headers=row["headers"] or [],
        body=row["body"] or b"",
    )
