"""Snapshots: take, look at, verify, restore. Long work is asked of the ledger and nothing else."""

from libs.chassis import outbox
from libs.chassis.database import Connection, Database
from libs.chassis.rpc import serves
from libs.contracts.backup import (
    GetSnapshot,
    ListSnapshots,
    RestoreSnapshot,
    SnapshotAccepted,
    SnapshotInfo,
    SnapshotList,
    TakeSnapshot,
    VerifySnapshot,
)
from libs.contracts.ids import new_id
from libs.contracts.progress import TaskAccepted
from libs.contracts.values import Actor
from services.backup.domain.restoring import Restore
from services.backup.domain.snapshots import Snapshot
from services.backup.domain.tasks import (
    RESTORE_SNAPSHOT,
    TAKE_SNAPSHOT,
    VERIFY_SNAPSHOT,
    requested,
)
from services.backup.repository import restores, snapshots, targets


@serves(TakeSnapshot)
async def take_snapshot(request: TakeSnapshot, db: Database) -> SnapshotAccepted:
    snapshot_id, task_id = new_id(), new_id()
    async with db.transaction() as tx:
        target = await targets.get_target_for_key_share(tx, request.target)
        await snapshots.insert_snapshot(
            tx,
            snapshot_id,
            target_id=target.target_id,
            bucket=request.bucket,
            task_id=task_id,
            actor=request.actor,
        )
        await targets.insert_task(tx, target.target_id, task_id)
        await outbox.add(
            tx,
            requested(
                TAKE_SNAPSHOT,
                task_id,
                snapshot_id,
                actor=request.actor,
                title=f"snapshot of {request.bucket} into {request.target}",
            ),
        )
    return SnapshotAccepted(task_id=task_id, kind=TAKE_SNAPSHOT, snapshot_id=snapshot_id)


@serves(GetSnapshot)
async def get_snapshot(request: GetSnapshot, db: Database) -> SnapshotInfo:
    async with db.connection() as conn:
        return (await snapshots.get_snapshot(conn, request.snapshot_id)).info()


@serves(ListSnapshots)
async def list_snapshots(request: ListSnapshots, db: Database) -> SnapshotList:
    async with db.connection() as conn:
        found = await snapshots.list_snapshots(
            conn, bucket=request.bucket, before=request.before, limit=request.limit + 1
        )
    page = found[: request.limit]
    return SnapshotList(
        items=[snapshot.info() for snapshot in page],
        next=page[-1].snapshot_id if len(found) > len(page) else None,
    )


@serves(VerifySnapshot)
async def verify_snapshot(request: VerifySnapshot, db: Database) -> TaskAccepted:
    async with db.transaction() as tx:
        snapshot = await snapshots.get_snapshot(tx, request.snapshot_id)
        return await _ask_for(
            tx,
            VERIFY_SNAPSHOT,
            snapshot,
            actor=request.actor,
            title=f"verification of a snapshot of {snapshot.bucket}",
        )


@serves(RestoreSnapshot)
async def restore_snapshot(request: RestoreSnapshot, db: Database) -> TaskAccepted:
    async with db.transaction() as tx:
        snapshot = await snapshots.get_snapshot(tx, request.snapshot_id)
        restore = Restore(
            into=request.into or snapshot.bucket, prefix=request.prefix, paths=request.paths
        )
        accepted = await _ask_for(
            tx,
            RESTORE_SNAPSHOT,
            snapshot,
            actor=request.actor,
            title=f"restore of a snapshot of {snapshot.bucket} into {restore.into}",
        )
        await restores.insert_restore(tx, accepted.task_id, snapshot.snapshot_id, restore)
    return accepted


async def _ask_for(
    tx: Connection,
    kind: str,
    snapshot: Snapshot,
    *,
    actor: Actor,
    title: str,
) -> TaskAccepted:
    """Ask for work on a complete snapshot; its target cannot be forgotten until that is done."""
    snapshot.link()
    target = await targets.get_target_for_key_share(tx, snapshot.target)
    task_id = new_id()
    await targets.insert_task(tx, target.target_id, task_id)
    await outbox.add(tx, requested(kind, task_id, snapshot.snapshot_id, actor=actor, title=title))
    return TaskAccepted(task_id=task_id, kind=kind)
