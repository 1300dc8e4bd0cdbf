"""The checks that storage makes itself: who is at which, and when it is tried again.

One at work holds a lease and no lock: it reads for as long as the bytes take. When it dies, the
lease runs out and another takes over.
"""

from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

from libs.chassis.database import Connection
from libs.contracts.storage import BlobPlace
from services.storage.domain.files import place_of


class Claimed(NamedTuple):
    """A check to be made now."""

    check_id: UUID
    check: str
    bucket: str
    path: str
    content_type: str
    place: BlobPlace
    tries: int
    """How often it was begun, this time included."""


async def claim(conn: Connection, checks: Sequence[str], *, lease_s: float) -> Claimed | None:
    """Take the check that is due the longest, for the time of a lease."""
    row = await conn.fetchrow(
        """
        WITH due AS (
            SELECT c.check_id, c.name
            FROM pending_check AS c
            JOIN pending_file AS p USING (check_id)
            JOIN bucket AS b USING (bucket_id)
            WHERE c.name = ANY ($1::text[])
                AND c.verdict IS NULL
                AND c.due_at <= now()
                AND p.state = 'waiting'
                AND b.state = 'open'
            ORDER BY c.due_at
            LIMIT 1
            FOR UPDATE OF c SKIP LOCKED
        ), claimed AS (
            UPDATE pending_check AS c
            SET due_at = now() + make_interval(secs => $2),
                tries = c.tries + 1
            FROM due
            WHERE c.check_id = due.check_id
                AND c.name = due.name
            RETURNING c.check_id, c.name, c.tries
        )
        SELECT claimed.check_id, claimed.name AS check_name, claimed.tries, b.name AS bucket_name,
            p.path, p.content_type, blob.*
        FROM claimed
        JOIN pending_file AS p USING (check_id)
        JOIN bucket AS b USING (bucket_id)
        JOIN blob USING (blob_id)
        """,
        checks,
        lease_s,
    )
    if row is None:
        return None
    return Claimed(
        check_id=row["check_id"],
        check=row["check_name"],
        bucket=row["bucket_name"],
        path=row["path"],
        content_type=row["content_type"],
        place=place_of(row),
        tries=row["tries"],
    )


async def due_in(conn: Connection, claimed: Claimed, wait_s: float) -> None:
    """Lengthen a lease, or have a check made again after a while, unless it was answered."""
    await conn.execute(
        """
        UPDATE pending_check
        SET due_at = now() + make_interval(secs => $3)
        WHERE check_id = $1
            AND name = $2
            AND verdict IS NULL
        """,
        claimed.check_id,
        claimed.check,
        wait_s,
    )
