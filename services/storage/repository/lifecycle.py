"""What lifecycle rules mean, looked for a slice of a bucket at a time."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

import msgspec

from libs.chassis.database import Connection
from libs.contracts.storage import Expiry, LifecycleRule
from services.storage.domain.lifecycle import range_of
from services.storage.domain.row import Row


class Found(NamedTuple):
    """A file that a rule will delete."""

    expiry: Expiry
    revision: int
    is_due: bool
    """Its time has come, and nothing locks it."""


class Slice(NamedTuple):
    """Files that rules mean among some that follow each other."""

    found: list[Found]
    till: str | None
    """The last path that was looked at; None when there are no more."""


async def list_ruled_buckets(conn: Connection) -> list[str]:
    """Return the names of buckets that have lifecycle rules."""
    rows = await conn.fetch(
        """
        SELECT name
        FROM bucket
        WHERE state = 'open'
            AND jsonb_array_length(coalesce(settings -> 'lifecycle', '[]')) > 0
        ORDER BY name
        """
    )
    return [row["name"] for row in rows]


async def find_expiries(
    conn: Connection,
    bucket_id: UUID,
    rules: Sequence[LifecycleRule],
    *,
    start_after: str,
    looked_at: int,
    most: int,
) -> Slice:
    """Look at the next ``looked_at`` files and return up to ``most`` that rules mean, in order.

    Of several rules for a file the one that deletes it first counts.
    """
    span = range_of(rules)
    rows = await conn.fetch(
        """
        WITH slice AS MATERIALIZED (
            SELECT path, revision, size, tags, modified_at
            FROM file
            WHERE bucket_id = $1
                AND deleted_at IS NULL
                AND path > $2
                AND path >= $3
                AND path < $4
            ORDER BY path
            LIMIT $5
        ), meant AS (
            SELECT slice.path, revision, size, modified_at, rule, expires_at
            FROM slice
            CROSS JOIN LATERAL (
                SELECT r.id AS rule,
                    modified_at + make_interval(days => r.expire_after_days) AS expires_at
                FROM jsonb_to_recordset($6)
                    AS r (id text, prefix text, tags jsonb, expire_after_days integer)
                WHERE starts_with(slice.path, r.prefix)
                    AND slice.tags @> r.tags
                ORDER BY expires_at, rule
                LIMIT 1
            ) AS first
            ORDER BY slice.path
            LIMIT $7
        )
        SELECT m.*, l.legal_hold, l.retain_until, now() AS looked_at,
            (SELECT count(*) FROM slice) AS slice_files,
            (SELECT max(path) FROM slice) AS slice_end
        FROM (VALUES (true)) AS always
        LEFT JOIN meant AS m ON true
        LEFT JOIN file_lock AS l
            ON l.bucket_id = $1
            AND l.path = m.path
            AND l.revision = m.revision
            AND (l.legal_hold OR l.retain_until > now())
        ORDER BY m.path
        """,
        bucket_id,
        start_after,
        *span,
        looked_at,
        msgspec.to_builtins(rules),
        most,
    )
    found = [_found(row, row["looked_at"]) for row in rows if row["path"] is not None]
    if len(found) == most:
        return Slice(found, found[-1].expiry.path)
    full = rows[0]["slice_files"] == looked_at
    return Slice(found, rows[0]["slice_end"] if full else None)


def _found(row: Row, now: datetime) -> Found:
    locked = row["legal_hold"] is not None
    expiry = Expiry(
        path=row["path"],
        size=row["size"],
        modified_at=row["modified_at"],
        expires_at=row["expires_at"],
        rule=row["rule"],
        locked_until=row["retain_until"],
        legal_hold=bool(row["legal_hold"]),
    )
    return Found(expiry, row["revision"], expiry.expires_at <= now and not locked)
