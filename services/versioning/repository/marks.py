"""Marks: how far the history has come."""

from collections.abc import Sequence
from uuid import UUID

from libs.chassis.database import Connection


async def insert_marks(tx: Connection, mark_ids: Sequence[UUID]) -> None:
    """Note that everything announced before these marks is recorded."""
    await tx.execute(
        "INSERT INTO mark (mark_id) SELECT unnest($1::uuid[]) ON CONFLICT DO NOTHING",
        list(mark_ids),
    )


async def is_seen(conn: Connection, mark_id: UUID) -> bool:
    """Return whether the mark came by."""
    seen: bool = await conn.fetchval(
        "SELECT EXISTS (SELECT 1 FROM mark WHERE mark_id = $1)", mark_id
    )
    return seen


async def delete_old(conn: Connection) -> None:
    """Forget marks that nobody waits for any more."""
    await conn.execute("DELETE FROM mark WHERE seen_at < now() - interval '1 hour'")
