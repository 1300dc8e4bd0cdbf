"""What ``services/backup`` answers and announces: targets, snapshots and restores."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from msgspec import Meta

from libs.contracts.base import Done, Event, Reply, Request
from libs.contracts.progress import TaskAccepted
from libs.contracts.values import Actor, BucketName, ByteCount, FilePath, PageLimit

TargetName = Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9-]{0,61}[a-z0-9]$(?!\n)")]
SnapshotState = Literal["running", "complete", "failed"]


class TargetInfo(Reply, frozen=True):
    """A place that snapshots are written to; ``url`` is shown without its secrets."""

    target_id: UUID
    name: TargetName
    url: str
    durability: str
    created_at: datetime


class TargetList(Reply, frozen=True):
    items: list[TargetInfo]


class CreateTarget(Request[TargetInfo], to="backup", frozen=True):
    """Register a target, after writing, reading back and deleting a probe."""

    name: TargetName
    url: Annotated[str, Meta(max_length=2000)]
    """``file:///path`` below an allowed directory, or ``s3://key:secret@host:port/bucket``."""
    actor: Actor


class ListTargets(Request[TargetList], to="backup", frozen=True):
    pass


class DeleteTarget(Request[Done], to="backup", frozen=True):
    """Forget a target; its snapshots stay where they are. One with a running task refuses."""

    name: TargetName


class SnapshotInfo(Reply, frozen=True):
    """One bucket at one instant, complete on its own."""

    snapshot_id: UUID
    bucket: BucketName
    target: TargetName
    state: SnapshotState
    task_id: UUID
    files: int
    bytes: ByteCount
    """The sum of the files' sizes."""
    copied_blobs: int
    copied_bytes: ByteCount
    """What was not in the target before."""
    manifest_sha256: str | None
    created_by: Actor
    created_at: datetime
    exported_at: datetime | None
    """The instant that the snapshot shows."""
    finished_at: datetime | None
    verified_at: datetime | None
    damaged: int
    """How many files the last verification found damaged or missing."""


class SnapshotList(Reply, frozen=True):
    items: list[SnapshotInfo]
    next: UUID | None = None


class SnapshotAccepted(TaskAccepted, frozen=True):
    snapshot_id: UUID


class TakeSnapshot(Request[SnapshotAccepted], to="backup", frozen=True):
    bucket: BucketName
    target: TargetName
    actor: Actor


class GetSnapshot(Request[SnapshotInfo], to="backup", frozen=True):
    snapshot_id: UUID


class ListSnapshots(Request[SnapshotList], to="backup", frozen=True):
    """List snapshots, newest first."""

    bucket: BucketName | None = None
    before: UUID | None = None
    limit: PageLimit = 100


class VerifySnapshot(Request[TaskAccepted], to="backup", frozen=True):
    """Read every blob of a snapshot from its target and hash it again."""

    snapshot_id: UUID
    actor: Actor


class RestoreSnapshot(Request[TaskAccepted], to="backup", frozen=True):
    """Bring files of a snapshot back, into its own bucket or another existing one.

    Files that are equal already are left alone; files that the snapshot does not know stay.
    """

    snapshot_id: UUID
    actor: Actor
    into: BucketName | None = None
    paths: Annotated[list[FilePath], Meta(min_length=1, max_length=1000)] | None = None
    prefix: Annotated[str, Meta(max_length=1024)] = ""


class SnapshotCreated(Event, frozen=True, type="snapshot.created", key="bucket"):
    """A snapshot is complete in its target."""

    bucket: BucketName
    snapshot_id: UUID
    target: TargetName
    files: int
    bytes: ByteCount
    copied_bytes: ByteCount
    actor: Actor


class SnapshotVerified(Event, frozen=True, type="snapshot.verified", key="bucket"):
    """Every blob of a snapshot was read and hashed; ``damaged`` counts files that are not whole."""

    bucket: BucketName
    snapshot_id: UUID
    target: TargetName
    damaged: int


class RestoreFinished(Event, frozen=True, type="restore.finished", key="bucket"):
    """Files of a snapshot are back in ``bucket``."""

    bucket: BucketName
    snapshot_id: UUID
    restored: int
    bytes: ByteCount
    actor: Actor
