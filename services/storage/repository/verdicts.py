"""What checks said, and how the waiting of content ended."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from libs.chassis.database import Connection
from libs.contracts.storage import Verdict
from services.storage.domain.checks import IN_TIME, Decision, PendingFile
from services.storage.repository.pending import list_by_id


async def update_verdict(
    tx: Connection, check_id: UUID, check: str, verdict: Verdict, *, reason: str, actor: str
) -> None:
    """Note what a check said; the caller has its content locked."""
    await tx.execute(
        """
        UPDATE pending_check
        SET verdict = $3,
            reason = $4,
            actor = $5,
            answered_at = clock_timestamp()
        WHERE check_id = $1
            AND name = $2
        """,
        check_id,
        check,
        verdict,
        reason,
        actor,
    )


async def update_decided(tx: Connection, check_id: UUID, decision: Decision) -> None:
    """End the waiting, and let go of the bytes; the caller has it locked."""
    await tx.execute(
        """
        UPDATE pending_file
        SET state = $2,
            reason = $3,
            problem = $4,
            revision = $5,
            decided_at = $6,
            blob_id = NULL
        WHERE check_id = $1
        """,
        check_id,
        decision.state,
        decision.reason,
        None if decision.problem is None else msgspec.to_builtins(decision.problem),
        decision.revision,
        decision.at,
    )
    await _rest(tx, [check_id])


async def refuse_overdue(tx: Connection, *, limit: int, at: datetime) -> list[PendingFile]:
    """Refuse up to ``limit`` of what was not checked in time, and return it as it is now."""
    rows = await tx.fetch(
        """
        UPDATE pending_file
        SET state = 'refused',
            reason = $1,
            decided_at = $3,
            blob_id = NULL
        WHERE check_id = ANY (
            ARRAY (
                SELECT check_id
                FROM pending_file
                WHERE state = 'waiting'
                    AND deadline_at <= now()
                    AND EXISTS (
                        SELECT
                        FROM bucket
                        WHERE bucket.bucket_id = pending_file.bucket_id
                            AND bucket.state <> 'deleted'
                    )
                ORDER BY deadline_at
                LIMIT $2
                FOR UPDATE SKIP LOCKED
            )
        )
        RETURNING check_id
        """,
        IN_TIME,
        limit,
        at,
    )
    refused = [row["check_id"] for row in rows]
    await _rest(tx, refused)
    return await list_by_id(tx, refused)


async def delete_decided(tx: Connection, *, kept_s: float, limit: int) -> int:
    """Forget up to ``limit`` of what was decided so long ago; return how many."""
    status = await tx.execute(
        """
        DELETE FROM pending_file
        WHERE check_id = ANY (
            ARRAY (
                SELECT check_id
                FROM pending_file
                WHERE state <> 'waiting'
                    AND decided_at <= now() - make_interval(secs => $1)
                ORDER BY decided_at
                LIMIT $2
                FOR UPDATE SKIP LOCKED
            )
        )
        """,
        kept_s,
        limit,
    )
    return int(status.rpartition(" ")[2])


async def _rest(tx: Connection, check_ids: Sequence[UUID]) -> None:
    """Let nobody look for the checks of what is decided, as long as it is remembered."""
    if not check_ids:
        return
    await tx.execute(
        """
        UPDATE pending_check
        SET due_at = 'infinity'
        WHERE check_id = ANY ($1::uuid[])
            AND verdict IS NULL
        """,
        check_ids,
    )
