"""Which bytes history names."""

from collections.abc import Collection, Sequence
from uuid import UUID

from libs.chassis.database import Connection


async def list_in_use(conn: Connection, bucket_id: UUID, digests: Sequence[str]) -> list[str]:
    """Return those of ``digests`` that history names: three look-ups for each."""
    rows = await conn.fetch(
        """
        SELECT encode(wanted.sha256, 'hex') AS sha256
        FROM unnest($2::bytea[]) AS wanted (sha256)
        WHERE EXISTS (
            SELECT FROM version
            WHERE version.bucket_id = $1
              AND version.sha256 = wanted.sha256
        ) OR EXISTS (
            SELECT FROM branch_change
            WHERE branch_change.bucket_id = $1
              AND branch_change.sha256 = wanted.sha256
        ) OR EXISTS (
            SELECT FROM staged
            WHERE staged.bucket_id = $1
              AND staged.sha256 = wanted.sha256
        )
        """,
        bucket_id,
        [bytes.fromhex(sha256) for sha256 in digests],
    )
    return [row["sha256"] for row in rows]


async def keep_in_use(tx: Connection, bucket_id: UUID, digests: Collection[str]) -> set[str]:
    """Return those of ``digests`` that history names, and goes on naming until ``tx`` ends.

    What a commit changed stays for ever. A version's content may be given up, and what is staged
    be discarded: their rows are locked, so that this waits for us.
    """
    rows = await tx.fetch(
        """
        SELECT encode(wanted.sha256, 'hex') AS sha256
        FROM unnest($2::bytea[]) AS wanted (sha256)
        WHERE EXISTS (
            SELECT FROM branch_change
            WHERE branch_change.bucket_id = $1
              AND branch_change.sha256 = wanted.sha256
        )
        """,
        bucket_id,
        [bytes.fromhex(sha256) for sha256 in sorted(set(digests))],
    )
    kept = {row["sha256"] for row in rows}
    for lock in (_LOCK_VERSIONS, _LOCK_STAGED):
        sought = [bytes.fromhex(sha256) for sha256 in sorted(set(digests) - kept)]
        if sought:
            kept.update(row["sha256"] for row in await tx.fetch(lock, bucket_id, sought))
    return kept


_LOCK_VERSIONS = """
    SELECT encode(wanted.sha256, 'hex') AS sha256
    FROM unnest($2::bytea[]) AS wanted (sha256)
    CROSS JOIN LATERAL (
        SELECT 1
        FROM version
        WHERE version.bucket_id = $1
          AND version.sha256 = wanted.sha256
        LIMIT 1
        FOR SHARE
    ) AS locked
    """
_LOCK_STAGED = """
    SELECT encode(wanted.sha256, 'hex') AS sha256
    FROM unnest($2::bytea[]) AS wanted (sha256)
    CROSS JOIN LATERAL (
        SELECT 1
        FROM staged
        WHERE staged.bucket_id = $1
          AND staged.sha256 = wanted.sha256
        LIMIT 1
        FOR SHARE
    ) AS locked
    """


async def list_parked(conn: Connection, consumer: str, digests: Sequence[str]) -> list[str]:
    """Return those of ``digests`` that an event tells of which waits for an operator."""
    rows = await conn.fetch(
        """
        SELECT wanted.sha256
        FROM unnest($2::text[]) AS wanted (sha256)
        WHERE EXISTS (
            SELECT FROM dead_letter
            WHERE consumer = $1
              AND redriven_at IS NULL
              AND position(convert_to(wanted.sha256, 'UTF8') IN payload) > 0
        )
        """,
        consumer,
        list(digests),
    )
    return [row["sha256"] for row in rows]
