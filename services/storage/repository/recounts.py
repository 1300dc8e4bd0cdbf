"""Counting everything anew: what the counters of usage have to equal, and how to put them right."""

from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

from libs.chassis.database import Connection


class Drift(NamedTuple):
    """A counter that is off: add ``number`` and ``bytes`` to it, and it is right."""

    bucket_id: UUID | None
    """None: ``principal`` is off."""
    principal: str | None
    what: str
    number: int
    bytes: int

    @property
    def whose(self) -> str:
        """Which bucket's counter this is, or which principal's."""
        return self.principal or str(self.bucket_id)

    @property
    def detail(self) -> str:
        """How far off it is."""
        return f"{self.what}: {self.number:+,} states and {self.bytes:+,} bytes are missing"


async def recount(conn: Connection) -> list[Drift]:
    """Count everything anew and return which counters say otherwise; none, if all is well.

    One statement sees one instant, and counters change in the transactions of what they count: so
    this may run beside writers, and a drift may be added to a counter at any time later.
    """
    rows = await conn.fetch(
        """
        WITH state AS (
            SELECT bucket_id, 'live' AS what, modified_by, size
            FROM file
            WHERE deleted_at IS NULL
            UNION ALL
            SELECT bucket_id, CASE WHEN trash_until IS NULL THEN 'version' ELSE 'trash' END,
                modified_by, size
            FROM past_state
        ), bucket_count AS (
            SELECT bucket_id, what, count(*) AS number, sum(size) AS bytes
            FROM state
            GROUP BY bucket_id, what
            UNION ALL
            SELECT bucket_id, what, count(*), sum(bytes)
            FROM bucket_blob
            JOIN blob USING (blob_id)
            CROSS JOIN LATERAL (VALUES ('held', size), ('stored', stored_size)) AS v (what, bytes)
            GROUP BY bucket_id, what
            UNION ALL
            SELECT bucket_id, what, -number, -bytes
            FROM usage
        ), principal_count AS (
            SELECT modified_by AS principal, sum(size) AS bytes
            FROM state
            GROUP BY modified_by
            UNION ALL
            SELECT principal, -bytes
            FROM principal_usage
        )
        SELECT bucket_id, NULL AS principal, what, sum(number)::bigint AS number,
            sum(bytes)::bigint AS bytes
        FROM bucket_count
        GROUP BY bucket_id, what
        HAVING sum(number) <> 0 OR sum(bytes) <> 0
        UNION ALL
        SELECT NULL, principal, 'principal', 0, sum(bytes)::bigint
        FROM principal_count
        GROUP BY principal
        HAVING sum(bytes) <> 0
        """
    )
    return [Drift(**row) for row in rows]


async def add_drifts(tx: Connection, drifts: Sequence[Drift]) -> None:
    """Put counters right that are off."""
    await tx.executemany(
        """
        INSERT INTO usage AS u (bucket_id, what, slot, number, bytes)
        VALUES ($1, $2, 0, $3, $4)
        ON CONFLICT (bucket_id, what, slot) DO UPDATE
        SET number = u.number + excluded.number,
            bytes = u.bytes + excluded.bytes
        """,
        [
            (drift.bucket_id, drift.what, drift.number, drift.bytes)
            for drift in drifts
            if drift.bucket_id is not None
        ],
    )
    await tx.executemany(
        """
        INSERT INTO principal_usage AS u (principal, slot, bytes)
        VALUES ($1, 0, $2)
        ON CONFLICT (principal, slot) DO UPDATE
        SET bytes = u.bytes + excluded.bytes
        """,
        [(drift.principal, drift.bytes) for drift in drifts if drift.principal is not None],
    )
