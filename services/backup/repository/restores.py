"""What restores have to bring back."""

from uuid import UUID

import msgspec

from libs.chassis.database import Connection
from services.backup.domain.errors import SnapshotNotFound
from services.backup.domain.restoring import Restore


async def insert_restore(
    tx: Connection, task_id: UUID, snapshot_id: UUID, restore: Restore
) -> None:
    await tx.execute(
        """
        INSERT INTO restore (task_id, snapshot_id, into_bucket, prefix, paths)
        VALUES ($1, $2, $3, $4, $5)
        """,
        task_id,
        snapshot_id,
        restore.into,
        restore.prefix,
        restore.paths,
    )


async def get_restore(tx: Connection, task_id: UUID) -> Restore:
    row = await tx.fetchrow(
        """
        SELECT into_bucket AS into, prefix, paths
        FROM restore
        WHERE task_id = $1
        """,
        task_id,
    )
    if row is None:
        raise SnapshotNotFound("the snapshot was forgotten with its target")
    return msgspec.convert(dict(row), Restore)
