"""Verifying a snapshot: every blob it names is read from the target and hashed again."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from msgspec import Struct

from libs.chassis import outbox
from libs.chassis.database import Database
from libs.contracts.backup import SnapshotVerified
from libs.contracts.values import ByteCount
from libs.worker import Task, runs
from services.backup import store_failures
from services.backup.checking import Checker
from services.backup.domain.damage import DamageReport
from services.backup.domain.errors import ChainBroken, SnapshotDamaged
from services.backup.domain.manifest import ManifestFile
from services.backup.domain.record import SnapshotRecord, StoredRecord, first_break
from services.backup.domain.snapshots import Snapshot
from services.backup.domain.tasks import VERIFY_SNAPSHOT, SnapshotTask
from services.backup.manifests import check_manifest, read_files
from services.backup.repository import snapshots, targets
from services.backup.settings import Settings
from services.backup.streams import in_batches
from services.backup.vault import Vault, Vaults
from services.backup.watch import Watch

FILES_PER_BATCH = 1000


class SnapshotChecked(Struct, frozen=True, kw_only=True):
    """What the task's result says; ``listed`` names the first of the damaged files."""

    snapshot_id: UUID
    files: int
    bytes: ByteCount
    damaged: int
    listed: list[dict[str, Any]]


@runs(VERIFY_SNAPSHOT)
async def verify_snapshot(
    task: Task, args: SnapshotTask, db: Database, vaults: Vaults, settings: Settings
) -> SnapshotChecked:
    """Check record, manifest, blobs and chain. Damaged files are a result; damage to what names
    them is a failure, because then nobody knows what should be there.
    """
    async with db.connection() as conn:
        snapshot = await snapshots.get_snapshot(conn, args.snapshot_id)
        target = await targets.get_target(conn, snapshot.target)
    since = await _since(task)
    with store_failures.named():
        async with vaults.open(target) as vault:
            try:
                record = (await vault.read_linked(snapshot.link())).record
                await check_manifest(vault, record.manifest_sha256)
            except SnapshotDamaged:
                await _announce(db, snapshot, damaged=snapshot.files)
                raise
            watch = Watch(task)
            watch.begin("verifying", total=record.bytes)
            checker = Checker(
                db,
                vault,
                target.target_id,
                since,
                watch,
                at_once=settings.copies_at_once,
            )
            report = await _check(task, vault, record, checker)
            await _announce(db, snapshot, damaged=report.files)
            await _check_chain(task, vault)
    return SnapshotChecked(
        snapshot_id=snapshot.snapshot_id,
        files=record.files,
        bytes=record.bytes,
        damaged=report.files,
        listed=report.names(),
    )


async def _since(task: Task) -> datetime:
    """Return when the first attempt began: what was read since then is not read again."""
    if task.resumed_from is not None:
        return datetime.fromisoformat(task.resumed_from["since"])
    since = datetime.now(UTC)
    await task.checkpoint({"since": since.isoformat()})
    return since


async def _check(
    task: Task, vault: Vault, record: SnapshotRecord, checker: Checker
) -> DamageReport:
    report = DamageReport()
    files: AsyncIterator[ManifestFile] = read_files(vault, record.manifest_sha256)
    async for batch in in_batches(files, most=FILES_PER_BATCH):
        for damaged in await checker.check(batch):
            report.add(damaged)
            task.log("error", f"{damaged.path} is {damaged.damage} ({damaged.sha256})")
    return report


async def _announce(db: Database, snapshot: Snapshot, *, damaged: int) -> None:
    async with db.transaction() as tx:
        await snapshots.set_verified(tx, snapshot.snapshot_id, damaged=damaged)
        await outbox.add(
            tx,
            SnapshotVerified(
                bucket=snapshot.bucket,
                snapshot_id=snapshot.snapshot_id,
                target=snapshot.target,
                damaged=damaged,
            ),
        )


async def _check_chain(task: Task, vault: Vault) -> None:
    """Raise ``ChainBroken`` unless every record in the target follows on the one before it."""
    task.progress(current_step="following the chain")
    chain: list[StoredRecord] = []
    for key in await vault.record_keys():
        task.raise_if_cancelled()
        try:
            chain.append(await vault.read_record(key))
        except SnapshotDamaged as error:
            raise ChainBroken(error.detail, **error.fields) from error
    broken = first_break(chain)
    if broken:
        raise ChainBroken(broken)
