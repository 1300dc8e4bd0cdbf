"""Snapshots: requested, exported, copied, sealed, verified."""

from collections.abc import Sequence
from uuid import UUID

import asyncpg
import msgspec

from libs.chassis.database import Connection
from services.backup.domain.errors import SnapshotNotFound
from services.backup.domain.record import StoredRecord
from services.backup.domain.snapshots import Export, Snapshot

_SELECT = """
    SELECT
        snapshot_id, target_id, target.name AS target, bucket, state, task_id,
        snapshot.created_by, snapshot.created_at, files, bytes, copied_blobs, copied_bytes,
        damaged, bucket_id, export_key, exported_at, record_key, finished_at, verified_at,
        encode(manifest_sha256, 'hex') AS manifest_sha256,
        encode(record_sha256, 'hex') AS record_sha256
    FROM snapshot
    JOIN target USING (target_id)
"""


async def insert_snapshot(
    tx: Connection,
    snapshot_id: UUID,
    *,
    target_id: UUID,
    bucket: str,
    task_id: UUID,
    actor: str,
) -> None:
    await tx.execute(
        """
        INSERT INTO snapshot (snapshot_id, target_id, bucket, task_id, created_by, created_at)
        VALUES ($1, $2, $3, $4, $5, now())
        """,
        snapshot_id,
        target_id,
        bucket,
        task_id,
        actor,
    )


async def get_snapshot(tx: Connection, snapshot_id: UUID) -> Snapshot:
    row = await tx.fetchrow(f"{_SELECT} WHERE snapshot_id = $1", snapshot_id)
    if row is None:
        raise SnapshotNotFound(f"no snapshot is {snapshot_id}", snapshot_id=str(snapshot_id))
    return _snapshot(row)


async def list_snapshots(
    tx: Connection, *, bucket: str | None, before: UUID | None, limit: int
) -> list[Snapshot]:
    """Return up to ``limit`` snapshots, newest first, behind ``before``."""
    rows = await tx.fetch(
        f"""
        {_SELECT}
        WHERE ($1::text IS NULL OR bucket = $1)
            AND ($2::uuid IS NULL OR snapshot_id < $2)
        ORDER BY snapshot_id DESC
        LIMIT $3
        """,
        bucket,
        before,
        limit,
    )
    return [_snapshot(row) for row in rows]


async def reopen(tx: Connection, snapshot_id: UUID) -> None:
    """Let a snapshot that failed be worked on again: its task is retried."""
    await tx.execute(
        """
        UPDATE snapshot
        SET state = 'running',
            finished_at = NULL
        WHERE snapshot_id = $1
            AND state = 'failed'
        """,
        snapshot_id,
    )


async def set_export(tx: Connection, snapshot_id: UUID, export: Export) -> None:
    await tx.execute(
        """
        UPDATE snapshot
        SET export_key = $2,
            bucket_id = $3,
            exported_at = $4,
            files = $5,
            bytes = $6
        WHERE snapshot_id = $1
        """,
        snapshot_id,
        export.key,
        export.bucket_id,
        export.exported_at,
        export.files,
        export.bytes,
    )


async def add_copied(tx: Connection, snapshot_id: UUID, *, blobs: int, bytes_: int) -> None:
    await tx.execute(
        """
        UPDATE snapshot
        SET copied_blobs = copied_blobs + $2,
            copied_bytes = copied_bytes + $3
        WHERE snapshot_id = $1
        """,
        snapshot_id,
        blobs,
        bytes_,
    )


async def set_complete(tx: Connection, stored: StoredRecord) -> bool:
    """Note that a record is in the target; False when that was known already."""
    status = await tx.execute(
        """
        UPDATE snapshot
        SET state = 'complete',
            manifest_sha256 = $2,
            record_key = $3,
            record_sha256 = $4,
            finished_at = $5,
            bucket_id = $6,
            exported_at = $7,
            files = $8,
            bytes = $9
        WHERE snapshot_id = $1
            AND state <> 'complete'
        """,
        stored.record.snapshot_id,
        bytes.fromhex(stored.record.manifest_sha256),
        stored.record.key,
        bytes.fromhex(stored.link.sha256),
        stored.record.sealed_at,
        stored.record.bucket_id,
        stored.record.exported_at,
        stored.record.files,
        stored.record.bytes,
    )
    return status != "UPDATE 0"


async def upsert_adopted(tx: Connection, target_id: UUID, stored: StoredRecord) -> bool:
    """Note a snapshot that was found in a target; False when it was known already."""
    record = stored.record
    status = await tx.execute(
        """
        INSERT INTO snapshot (
            snapshot_id, target_id, bucket, state, task_id, created_by, created_at, bucket_id,
            exported_at, files, bytes, copied_blobs, copied_bytes,
            manifest_sha256, record_key, record_sha256, finished_at
        )
        VALUES ($1, $2, $3, 'complete', $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)
        ON CONFLICT (snapshot_id) DO UPDATE
        SET state = 'complete',
            bucket_id = excluded.bucket_id,
            exported_at = excluded.exported_at,
            files = excluded.files,
            bytes = excluded.bytes,
            manifest_sha256 = excluded.manifest_sha256,
            record_key = excluded.record_key,
            record_sha256 = excluded.record_sha256,
            finished_at = excluded.finished_at
        WHERE snapshot.state = 'failed'
        """,
        record.snapshot_id,
        target_id,
        record.bucket,
        record.task_id,
        record.created_by,
        record.created_at,
        record.bucket_id,
        record.exported_at,
        record.files,
        record.bytes,
        record.copied_blobs,
        record.copied_bytes,
        bytes.fromhex(record.manifest_sha256),
        record.key,
        bytes.fromhex(stored.link.sha256),
        record.sealed_at,
    )
    return not status.endswith(" 0")


async def set_verified(tx: Connection, snapshot_id: UUID, *, damaged: int) -> None:
    await tx.execute(
        """
        UPDATE snapshot
        SET verified_at = now(),
            damaged = $2
        WHERE snapshot_id = $1
        """,
        snapshot_id,
        damaged,
    )


async def fail_of_tasks(tx: Connection, task_ids: Sequence[UUID]) -> None:
    """Note that the snapshots of these tasks will not be finished."""
    await tx.execute(
        """
        UPDATE snapshot
        SET state = 'failed',
            finished_at = now()
        WHERE task_id = ANY($1::uuid[])
            AND state = 'running'
        """,
        list(task_ids),
    )


def _snapshot(row: asyncpg.Record) -> Snapshot:
    return msgspec.convert(dict(row), Snapshot)
