"""Restoring a snapshot: the target alone says what was in it."""

from collections.abc import AsyncIterator
from uuid import UUID

import msgspec
from msgspec import Struct

from libs.blobs.depot import Depot
from libs.chassis import outbox
from libs.chassis.bus import Bus
from libs.chassis.database import Database
from libs.contracts.backup import RestoreFinished
from libs.contracts.storage import GetBucket
from libs.contracts.values import ByteCount, FilePath, Sha256
from libs.worker import Task, runs
from services.backup import store_failures
from services.backup.domain import manifest
from services.backup.domain.damage import DamageReport, first_of
from services.backup.domain.errors import PathNotInSnapshot, RestoreIncomplete
from services.backup.domain.manifest import ManifestFile
from services.backup.domain.restoring import Restore, RestoreState, Selection
from services.backup.domain.tasks import RESTORE_SNAPSHOT, SnapshotTask
from services.backup.manifests import read_files, read_lines
from services.backup.repository import restores, snapshots, targets
from services.backup.restoring import Restorer
from services.backup.settings import Settings
from services.backup.streams import in_batches
from services.backup.vault import Vault, Vaults
from services.backup.watch import Watch

FILES_PER_BATCH = 500
LINE_BYTES_PER_BATCH = 256 * 1024
"""What is asked of storage for one batch must fit into a message (1 MiB)."""


class _Selected(Struct, frozen=True, kw_only=True):
    """How much a selection is."""

    files: int
    bytes: ByteCount


class SnapshotRestored(Struct, frozen=True, kw_only=True):
    """What the task's result says."""

    snapshot_id: UUID
    into: str
    files: int
    restored: int
    unchanged: int
    bytes: ByteCount
    """Of the files restored."""


@runs(RESTORE_SNAPSHOT)
async def restore_snapshot(
    task: Task,
    args: SnapshotTask,
    db: Database,
    bus: Bus,
    depot: Depot,
    vaults: Vaults,
    settings: Settings,
) -> SnapshotRestored:
    """Bring the selected files back; damaged ones fail by name, and with them the task, but not
    the others. An attempt goes on behind the last batch that the one before finished.
    """
    async with db.connection() as conn:
        snapshot = await snapshots.get_snapshot(conn, args.snapshot_id)
        target = await targets.get_target(conn, snapshot.target)
        wish = await restores.get_restore(conn, task.task_id)
    state = _resumed(task)
    with store_failures.named():
        async with vaults.open(target) as vault:
            task.progress(current_step="reading manifest")
            manifest_sha256 = (await vault.read_linked(snapshot.link())).record.manifest_sha256
            selected = await _select(vault, manifest_sha256, wish.selection)
            watch = Watch(task)
            watch.begin("restoring", total=selected.bytes, done=state.seen_bytes)
            restorer = Restorer(
                bus,
                depot,
                vault,
                watch,
                state,
                into=await bus.ask(GetBucket(name=wish.into)),
                actor=task.actor,
                message=f"restored from snapshot {snapshot.snapshot_id}",
                at_once=settings.copies_at_once,
            )
            async for files in _batches(vault, manifest_sha256, wish.selection, state.after):
                await restorer.restore(files)
                await task.checkpoint(msgspec.to_builtins(state))
    result = _result(args.snapshot_id, wish, selected, state)
    _raise_if_incomplete(task, state.damage, result)
    await _announce(db, task, result)
    return result


def _resumed(task: Task) -> RestoreState:
    if task.resumed_from is None:
        return RestoreState()
    return msgspec.convert(task.resumed_from, RestoreState)


async def _select(vault: Vault, manifest_sha256: Sha256, selection: Selection) -> _Selected:
    """Read the manifest to its end, which proves it whole, and measure what was asked for."""
    files = bytes_ = 0
    found: set[FilePath] = set()
    async for file in read_files(vault, manifest_sha256):
        if selection.wants(file.path):
            files += 1
            bytes_ += file.size
            if selection.paths is not None:
                found.add(file.path)
    unknown = sorted((selection.paths or frozenset()) - found)
    if unknown:
        raise PathNotInSnapshot(
            f"the snapshot has no {unknown[0]!r}", unknown=len(unknown), paths=first_of(unknown)
        )
    return _Selected(files=files, bytes=bytes_)


async def _batches(
    vault: Vault, manifest_sha256: Sha256, selection: Selection, after: FilePath
) -> AsyncIterator[list[ManifestFile]]:
    """Yield the selected files behind ``after``, as many at a time as fit into a message."""
    lines = read_lines(vault, manifest_sha256)
    async for batch in in_batches(
        lines, most=FILES_PER_BATCH, most_weight=LINE_BYTES_PER_BATCH, weigh=len
    ):
        files = [manifest.decode_file(line) for line in batch]
        wanted = [file for file in files if file.path > after and selection.wants(file.path)]
        if wanted:
            yield wanted


def _result(
    snapshot_id: UUID, wish: Restore, selected: _Selected, state: RestoreState
) -> SnapshotRestored:
    return SnapshotRestored(
        snapshot_id=snapshot_id,
        into=wish.into,
        files=selected.files,
        restored=state.restored,
        unchanged=selected.files - state.restored - state.damage.files,
        bytes=state.restored_bytes,
    )


def _raise_if_incomplete(task: Task, damage: DamageReport, result: SnapshotRestored) -> None:
    if not damage.files:
        return
    for file in damage.listed:
        task.log("error", f"{file.path} is {file.damage} in the target ({file.sha256})")
    raise RestoreIncomplete(
        f"{damage.files} of {result.files} files are damaged in the target, "
        f"the first is {damage.listed[0].path!r}",
        damaged=damage.files,
        listed=damage.names(),
        restored=result.restored,
    )


async def _announce(db: Database, task: Task, result: SnapshotRestored) -> None:
    async with db.transaction() as tx:
        await outbox.add(
            tx,
            RestoreFinished(
                bucket=result.into,
                snapshot_id=result.snapshot_id,
                restored=result.restored,
                bytes=result.bytes,
                actor=task.actor,
            ),
        )
