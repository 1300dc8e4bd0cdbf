"""Commits that no ref reaches any more, and the content that only they have."""

from collections.abc import Collection
from uuid import UUID

from libs.chassis.database import Connection
from services.versioning.repository import ancestry, content
from services.versioning.repository.lines import Place


async def list_branched(conn: Connection) -> list[tuple[UUID, str]]:
    """Return living buckets that have more lines than one, by id and name."""
    rows = await conn.fetch(
        """
        SELECT bucket_id, bucket
        FROM repository
        WHERE deleted_at IS NULL
            AND (
                SELECT count(*)
                FROM (SELECT FROM line WHERE line.bucket_id = repository.bucket_id LIMIT 2)
            ) = 2
        ORDER BY bucket_id
        """
    )
    return [(row["bucket_id"], row["bucket"]) for row in rows]


async def note_unreached(tx: Connection, bucket_id: UUID) -> None:
    """Note behind which position of each line no ref reaches, and since when.

    A position that some ref reaches again is noted no more.
    """
    heads = await tx.fetch(
        """
        SELECT commit.line_id, max(commit.position) AS last
        FROM ref
        JOIN commit USING (bucket_id, commit_id)
        WHERE ref.bucket_id = $1
        GROUP BY commit.line_id
        """,
        bucket_id,
    )
    reached = await ancestry.list_behind(tx, {row["line_id"]: row["last"] for row in heads})
    await tx.execute(
        """
        WITH reached AS (
            SELECT line.line_id, coalesce(r.position, -1) AS position
            FROM line
            LEFT JOIN unnest($2::bigint[], $3::bigint[]) AS r (line_id, position) USING (line_id)
            WHERE line.bucket_id = $1
        ), forgotten AS (
            DELETE FROM unreached_line
            USING reached
            WHERE unreached_line.line_id = reached.line_id
                AND unreached_line.position < reached.position
        )
        INSERT INTO unreached_line (line_id, position)
        SELECT line_id, position
        FROM reached
        WHERE EXISTS (
            SELECT
            FROM commit
            WHERE commit.line_id = reached.line_id
                AND commit.position > reached.position
        )
        ON CONFLICT DO NOTHING
        """,
        bucket_id,
        list(reached.keys()),
        list(reached.values()),
    )


async def expire_some(
    tx: Connection, bucket_id: UUID, *, grace_s: float, limit: int
) -> list[tuple[bytes, int]]:
    """Give up some content of commits that were not reached for the grace; digests and sizes."""
    rows = await tx.fetch(
        """
        WITH gone AS (
            SELECT change.ctid
            FROM unreached_line
            JOIN line USING (line_id)
            CROSS JOIN LATERAL (
                SELECT ctid
                FROM branch_change
                WHERE branch_change.line_id = unreached_line.line_id
                    AND branch_change.position > unreached_line.position
                    AND sha256 IS NOT NULL
                    AND expired_at IS NULL
                LIMIT $3
            ) AS change
            WHERE line.bucket_id = $1
                AND since <= now() - make_interval(secs => $2)
            LIMIT $3
        )
        UPDATE branch_change
        SET expired_at = now()
        FROM gone
        WHERE branch_change.ctid = gone.ctid
        RETURNING sha256, size
        """,
        bucket_id,
        grace_s,
        limit,
    )
    return [(row["sha256"], row["size"]) for row in rows]


async def begin_anew(
    tx: Connection, bucket_id: UUID, place: Place, digests: Collection[bytes]
) -> None:
    """Let the grace of a commit begin now, and keep again what it changed to ``digests``.

    Storage holds those. The whole line of the commit stays as long: others of it were or will be
    brought with it.
    """
    await content.lock_for_naming(tx, bucket_id)
    await tx.execute(
        "UPDATE unreached_line SET since = now() WHERE line_id = $1 AND position < $2", *place
    )
    await tx.execute(
        """
        UPDATE branch_change
        SET expired_at = NULL
        WHERE line_id = $1
            AND position = $2
            AND expired_at IS NOT NULL
            AND sha256 = ANY ($3::bytea[])
        """,
        *place,
        list(digests),
    )
