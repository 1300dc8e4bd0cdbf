"""What history has given up: past states that nothing keeps, and bytes that may go."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from libs.chassis.database import Connection


async def list_blobs(tx: Connection, bucket_id: UUID, digests: Sequence[str]) -> list[UUID]:
    """Return the blobs with these bytes that the bucket holds, in one order."""
    rows = await tx.fetch(
        """
        SELECT blob_id
        FROM bucket_blob
        JOIN blob USING (blob_id)
        WHERE bucket_id = $1
            AND sha256 = ANY ($2::bytea[])
        ORDER BY blob_id
        """,
        bucket_id,
        [bytes.fromhex(sha256) for sha256 in digests],
    )
    return [row["blob_id"] for row in rows]


async def forget_states(
    tx: Connection, bucket_id: UUID, blob_ids: Sequence[UUID], ended_by: datetime
) -> None:
    """Forget past states with these bytes that ended by then, but for what is in the trash.

    A later one is of history that goes on after what was given up.
    """
    await tx.execute(
        """
        WITH past AS (
            SELECT path, revision, trash_until IS NULL AS is_only_version
            FROM past_state
            WHERE bucket_id = $1
                AND blob_id = ANY ($2::uuid[])
                AND versioned
                AND ended_at <= $3
            ORDER BY path, revision
            FOR UPDATE
        ), forgotten AS (
            DELETE FROM past_state AS p
            USING past
            WHERE p.bucket_id = $1
                AND (p.path, p.revision) = (past.path, past.revision)
                AND is_only_version
        )
        UPDATE past_state AS p
        SET versioned = false
        FROM past
        WHERE p.bucket_id = $1
            AND (p.path, p.revision) = (past.path, past.revision)
            AND NOT is_only_version
        """,
        bucket_id,
        blob_ids,
        ended_by,
    )


async def note(tx: Connection, blob_ids: Sequence[UUID]) -> None:
    """Have it looked soon whether anything names these blobs."""
    await tx.execute(
        "INSERT INTO unnamed_blob (blob_id) SELECT * FROM unnest($1::uuid[])", blob_ids
    )
