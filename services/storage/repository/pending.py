"""Content that waits for checks, and what was decided of it lately."""

from collections.abc import Sequence
from uuid import UUID

import msgspec

from libs.chassis.database import Connection
from libs.contracts.storage import BlobPlace, CheckState
from services.storage.domain.checks import PendingFile
from services.storage.domain.errors import CheckNotFound
from services.storage.domain.files import place_of

NIL = UUID(int=0)
"""Before all checks."""

_READ = """
    SELECT p.check_id, p.path, p.blob_id, p.sha256, p.size, p.content_type, p.metadata, p.tags,
        p.actor, p.expect, p.operation, p.message, p.state AS check_state, p.arrived_at,
        p.deadline_at, p.asked_at, p.asked_times, p.decided_at, p.reason, p.problem, p.revision,
        b.*, answers.answers
    FROM pending_file AS p
    JOIN bucket AS b USING (bucket_id)
    CROSS JOIN LATERAL (
        SELECT jsonb_agg(
            jsonb_build_object(
                'name', name, 'verdict', verdict, 'reason', reason, 'actor', actor,
                'at', answered_at
            )
            ORDER BY position
        ) AS answers
        FROM pending_check
        WHERE pending_check.check_id = p.check_id
    ) AS answers
"""


async def insert(tx: Connection, arrived: Sequence[PendingFile], *, ask_again_s: float) -> None:
    """Have content wait for its checks."""
    await tx.execute(
        """
        WITH arrived AS (
            SELECT *
            FROM jsonb_to_recordset($1) AS a (
                check_id uuid, bucket_id uuid, path text, blob_id uuid, sha256 text, size bigint,
                content_type text, metadata jsonb, tags jsonb, actor text, expect jsonb,
                operation text, message text, arrived_at timestamptz, deadline_at timestamptz,
                checks jsonb
            )
        ), pending AS (
            INSERT INTO pending_file (
                check_id, bucket_id, path, blob_id, sha256, size, content_type, metadata, tags,
                actor, expect, operation, message, arrived_at, deadline_at, asked_at, ask_again_at
            )
            SELECT check_id, bucket_id, path, blob_id, decode(sha256, 'hex'), size, content_type,
                metadata, tags, actor, expect, operation, message, arrived_at, deadline_at,
                arrived_at, arrived_at + make_interval(secs => $2)
            FROM arrived
        )
        INSERT INTO pending_check (check_id, name, position)
        SELECT check_id, name, position
        FROM arrived
        CROSS JOIN LATERAL jsonb_array_elements_text(checks)
            WITH ORDINALITY AS required (name, position)
        """,
        [_as_row(one) for one in arrived],
        ask_again_s,
    )


async def get(conn: Connection, bucket_id: UUID, check_id: UUID) -> PendingFile:
    """Return what waits, or waited lately; raises ``CheckNotFound``."""
    row = await conn.fetchrow(
        f"{_READ} WHERE p.check_id = $1 AND p.bucket_id = $2",
        check_id,
        bucket_id,
    )
    if row is None:
        raise CheckNotFound(str(check_id), check_id=str(check_id))
    return PendingFile.of(row)


async def get_for_update(tx: Connection, bucket_id: UUID, check_id: UUID) -> PendingFile:
    """Return the same, and nobody else decides it until this transaction ends."""
    await tx.fetchval(
        "SELECT 1 FROM pending_file WHERE check_id = $1 AND bucket_id = $2 FOR UPDATE",
        check_id,
        bucket_id,
    )
    # A statement behind the lock sees what those committed who had it before.
    return await get(tx, bucket_id, check_id)


async def list_page(
    conn: Connection, bucket_id: UUID, *, state: CheckState | None, after: UUID | None, limit: int
) -> list[PendingFile]:
    """Return up to ``limit`` of a bucket's checks in the order of their arrival."""
    rows = await conn.fetch(
        f"""
        {_READ}
        WHERE p.bucket_id = $1
            AND p.check_id > $2
            AND ($3::text IS NULL OR p.state = $3)
        ORDER BY p.check_id
        LIMIT $4
        """,
        bucket_id,
        after or NIL,
        state,
        limit,
    )
    return list(map(PendingFile.of, rows))


async def find_any_waiting(conn: Connection, bucket_id: UUID) -> str | None:
    """Return the path of something in the bucket that waits, if anything does."""
    path: str | None = await conn.fetchval(
        """
        SELECT path
        FROM pending_file
        WHERE bucket_id = $1
            AND state = 'waiting'
        ORDER BY check_id
        LIMIT 1
        """,
        bucket_id,
    )
    return path


async def get_place(conn: Connection, blob_id: UUID) -> BlobPlace:
    """Return where the bytes lie that something waits with; its reference keeps them."""
    row = await conn.fetchrow("SELECT * FROM blob WHERE blob_id = $1", blob_id)
    if row is None:
        raise LookupError(f"no blob {blob_id}, though something waits with it")
    return place_of(row)


async def ask_again(tx: Connection, *, first_s: float, limit: int) -> list[PendingFile]:
    """Note of up to ``limit`` that their checks are asked for once more, and return them."""
    rows = await tx.fetch(
        """
        UPDATE pending_file
        SET asked_at = now(),
            asked_times = asked_times + 1,
            -- Twice as long each time, up to an hour.
            ask_again_at = now() + make_interval(
                secs => least($1 * 2 ^ least(asked_times, 20), 3600)
            )
        WHERE check_id = ANY (
            ARRAY (
                SELECT check_id
                FROM pending_file
                WHERE state = 'waiting'
                    AND ask_again_at <= now()
                    AND deadline_at > now()
                    AND EXISTS (
                        SELECT
                        FROM bucket
                        WHERE bucket.bucket_id = pending_file.bucket_id
                            AND bucket.state = 'open'
                    )
                ORDER BY ask_again_at
                LIMIT $2
                FOR UPDATE SKIP LOCKED
            )
        )
        RETURNING check_id
        """,
        first_s,
        limit,
    )
    return await list_by_id(tx, [row["check_id"] for row in rows])


async def list_by_id(conn: Connection, check_ids: Sequence[UUID]) -> list[PendingFile]:
    """Return these, in the order of their arrival."""
    if not check_ids:
        return []
    rows = await conn.fetch(
        f"{_READ} WHERE p.check_id = ANY ($1::uuid[]) ORDER BY p.check_id", check_ids
    )
    return list(map(PendingFile.of, rows))


def _as_row(one: PendingFile) -> dict[str, object]:
    """Return the columns of new content as JSON carries them."""
    same = "path size content_type metadata tags actor operation message"
    plain: dict[str, object] = msgspec.to_builtins(
        {
            "check_id": one.check_id,
            "bucket_id": one.bucket.bucket_id,
            "blob_id": one.blob_id,
            "sha256": one.sha256,
            "expect": one.expect,
            "arrived_at": one.arrived_at,
            "deadline_at": one.deadline_at,
            "checks": one.waits_for,
            **{name: getattr(one, name) for name in same.split()},
        }
    )
    return plain
