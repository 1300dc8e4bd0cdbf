"""Taking a snapshot: export, copy what is new, write the manifest, seal."""

from collections.abc import AsyncIterator
from datetime import datetime
from uuid import UUID

from msgspec import Struct

from libs.blobs import BlobStore
from libs.blobs.depot import Depot
from libs.chassis.bus import Bus
from libs.chassis.crashpoint import crashpoint
from libs.chassis.database import Database
from libs.contracts.values import ByteCount, Sha256
from libs.worker import Task, runs
from services.backup import store_failures
from services.backup.copying import Copier
from services.backup.digests import Digest
from services.backup.domain.manifest import ManifestFile, ManifestHeader, encode_line
from services.backup.domain.snapshots import Export, Snapshot
from services.backup.domain.targets import Target
from services.backup.domain.tasks import TAKE_SNAPSHOT, SnapshotTask
from services.backup.exports import ask_for_export, is_there, read_export
from services.backup.repository import snapshots, targets
from services.backup.sealing import seal
from services.backup.settings import Settings
from services.backup.streams import in_batches
from services.backup.vault import Vault, Vaults
from services.backup.watch import Watch

FILES_PER_BATCH = 1000


class SnapshotTaken(Struct, frozen=True, kw_only=True):
    """What the task's result says."""

    snapshot_id: UUID
    files: int
    bytes: ByteCount
    copied_blobs: int
    copied_bytes: ByteCount
    exported_at: datetime | None
    manifest_sha256: Sha256 | None


@runs(TAKE_SNAPSHOT)
async def take_snapshot(
    task: Task,
    args: SnapshotTask,
    db: Database,
    bus: Bus,
    store: BlobStore,
    depot: Depot,
    vaults: Vaults,
    settings: Settings,
) -> SnapshotTaken:
    """Copy what the target lacks, then seal; an attempt goes on where the one before was noted."""
    snapshot, target = await _begin(db, args.snapshot_id)
    if snapshot.state != "complete":
        with store_failures.named():
            async with vaults.open(target) as vault:
                export = await _export(task, db, bus, store, snapshot, settings.export_timeout_s)
                watch = Watch(task)
                watch.begin("copying", total=export.bytes)
                copier = Copier(
                    db, bus, depot, vault, snapshot, watch, at_once=settings.copies_at_once
                )
                manifest_sha256 = await _copy(store, export, snapshot, copier)
                await _write_manifest(task, store, vault, export, snapshot, manifest_sha256)
                crashpoint("before_snapshot")
                await seal(db, vault, target, snapshot, export, manifest_sha256)
        async with db.connection() as conn:
            snapshot = await snapshots.get_snapshot(conn, args.snapshot_id)
    task.log("info", f"{snapshot.copied_blobs} blobs, {snapshot.copied_bytes} bytes were new")
    return _result(snapshot)


async def _begin(db: Database, snapshot_id: UUID) -> tuple[Snapshot, Target]:
    async with db.transaction() as tx:
        await snapshots.reopen(tx, snapshot_id)
        snapshot = await snapshots.get_snapshot(tx, snapshot_id)
        target = await targets.get_target(tx, snapshot.target)
    return snapshot, target


async def _export(
    task: Task,
    db: Database,
    bus: Bus,
    store: BlobStore,
    snapshot: Snapshot,
    timeout_s: float,
) -> Export:
    """Return the export of an attempt before while it is kept, so that the instant stays."""
    task.progress(current_step="exporting")
    if snapshot.export is not None and await is_there(store, snapshot.export):
        return snapshot.export
    export = await ask_for_export(bus, snapshot.bucket, snapshot.snapshot_id, timeout_s=timeout_s)
    async with db.transaction() as tx:
        await snapshots.set_export(tx, snapshot.snapshot_id, export)
    task.log("info", f"{export.files} files, {export.bytes} bytes at {export.exported_at}")
    return export


async def _copy(store: BlobStore, export: Export, snapshot: Snapshot, copier: Copier) -> Sha256:
    """Copy all that is missing; return the digest of the manifest that the files make."""
    digest = Digest()
    await digest.feed(encode_line(_header(snapshot, export)))
    async for files in in_batches(read_export(store, export), most=FILES_PER_BATCH):
        for file in files:
            await digest.feed(encode_line(ManifestFile.of(file)))
        await copier.copy(files)
    copier.raise_if_damaged()
    return digest.sha256


async def _write_manifest(
    task: Task,
    store: BlobStore,
    vault: Vault,
    export: Export,
    snapshot: Snapshot,
    sha256: Sha256,
) -> None:
    """Write the manifest, streamed from the export a second time under its known digest."""
    task.progress(current_step="writing manifest")
    await vault.put_manifest(sha256, _lines(task, store, export, snapshot))


async def _lines(
    task: Task, store: BlobStore, export: Export, snapshot: Snapshot
) -> AsyncIterator[bytes]:
    yield encode_line(_header(snapshot, export))
    async for files in in_batches(read_export(store, export), most=FILES_PER_BATCH):
        task.raise_if_cancelled()
        yield b"".join(encode_line(ManifestFile.of(file)) for file in files)


def _header(snapshot: Snapshot, export: Export) -> ManifestHeader:
    return ManifestHeader(bucket=snapshot.bucket, bucket_id=export.bucket_id)


def _result(snapshot: Snapshot) -> SnapshotTaken:
    return SnapshotTaken(
        snapshot_id=snapshot.snapshot_id,
        files=snapshot.files,
        bytes=snapshot.bytes,
        copied_blobs=snapshot.copied_blobs,
        copied_bytes=snapshot.copied_bytes,
        exported_at=snapshot.exported_at,
        manifest_sha256=snapshot.manifest_sha256,
    )
