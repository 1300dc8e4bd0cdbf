"""The commit point: a record in the target, written last, then known to the schema."""

from datetime import UTC, datetime

from libs.chassis import outbox
from libs.chassis.crashpoint import crashpoint
from libs.chassis.database import Database
from libs.contracts.values import Sha256
from services.backup.domain import record
from services.backup.domain.layout import snapshot_id_of
from services.backup.domain.record import StoredRecord, seal_after
from services.backup.domain.snapshots import Export, Snapshot, created, record_of
from services.backup.domain.targets import Target
from services.backup.repository import snapshots, targets
from services.backup.vault import Vault


async def seal(
    db: Database,
    vault: Vault,
    target: Target,
    snapshot: Snapshot,
    export: Export,
    manifest_sha256: Sha256,
) -> StoredRecord:
    """Make the snapshot complete: record, row and announcement.

    One at a time in each target, so that records form a chain. What is in the target decides: when
    a crash came between the record and the commit, the next attempt finds the record and goes on.
    """
    async with db.transaction() as tx:
        await targets.lock_for_sealing(tx, target.target_id)
        snapshot = await snapshots.get_snapshot(tx, snapshot.snapshot_id)
        keys = await vault.record_keys()
        own = [key for key in keys if snapshot_id_of(key) == snapshot.snapshot_id]
        if own:
            stored = await vault.read_record(own[0])
        else:
            last = await vault.link_to(keys[-1]) if keys else None
            stored = record.encode(
                record_of(
                    snapshot,
                    export,
                    repository_id=target.repository_id,
                    manifest_sha256=manifest_sha256,
                    sealed_at=seal_after(last, datetime.now(UTC)),
                    previous=last,
                )
            )
            await vault.write_record(stored)
        crashpoint("after_snapshot")
        if await snapshots.set_complete(tx, stored):
            await outbox.add(tx, created(stored.record, target.name))
    return stored
