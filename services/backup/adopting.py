"""The schema, made again from a target: the target alone is enough."""

from uuid import UUID

from msgspec import Struct, field

from libs.blobs import BlobStat
from libs.chassis.database import Database
from services.backup.domain.errors import SnapshotDamaged
from services.backup.domain.layout import digest_of, is_data_key
from services.backup.domain.targets import Target
from services.backup.repository import blob_copies, snapshots
from services.backup.streams import in_batches
from services.backup.vault import Vault

BLOBS_PER_BATCH = 1000


class Adopted(Struct, kw_only=True):
    """What was found in a target."""

    snapshots: int = 0
    known: int = 0
    blobs: int = 0
    problems: list[str] = field(default_factory=list)
    """Records that cannot be read; verification says what else is damaged."""


async def adopt_snapshots(db: Database, vault: Vault, target: Target) -> Adopted:
    """Make known every snapshot and every blob in the target; repeating it is harmless."""
    adopted = Adopted()
    for key in await vault.record_keys():
        try:
            stored = await vault.read_record(key)
        except SnapshotDamaged as error:
            adopted.problems.append(error.detail)
            continue
        async with db.transaction() as tx:
            if await snapshots.upsert_adopted(tx, target.target_id, stored):
                adopted.snapshots += 1
            else:
                adopted.known += 1
    async for found in in_batches(vault.list_blobs(), most=BLOBS_PER_BATCH):
        adopted.blobs += await _note(db, target.target_id, found)
    return adopted


async def _note(db: Database, target_id: UUID, found: list[BlobStat]) -> int:
    blobs = [
        (digest_of(stat.key), stat.size, stat.modified_at)
        for stat in found
        if is_data_key(stat.key)
    ]
    async with db.transaction() as tx:
        await blob_copies.insert_found(tx, target_id, blobs)
    return len(blobs)
