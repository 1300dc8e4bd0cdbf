"""A snapshot from its request to its record."""

from datetime import datetime
from uuid import UUID

from msgspec import Struct

from libs.contracts.backup import SnapshotCreated, SnapshotInfo, SnapshotState, TargetName
from libs.contracts.values import Actor, BucketName, ByteCount, Sha256
from services.backup.domain.errors import SnapshotNotComplete
from services.backup.domain.record import Link, SnapshotRecord


class Export(Struct, frozen=True, kw_only=True):
    """The list of a bucket's files that a snapshot works off."""

    key: str
    bucket_id: UUID
    exported_at: datetime
    files: int
    bytes: ByteCount


class Snapshot(Struct, frozen=True, kw_only=True):
    """A row of the schema; what is known only later is None until then."""

    snapshot_id: UUID
    target_id: UUID
    target: TargetName
    bucket: BucketName
    state: SnapshotState
    task_id: UUID
    created_by: Actor
    created_at: datetime
    files: int
    bytes: ByteCount
    copied_blobs: int
    copied_bytes: ByteCount
    damaged: int
    bucket_id: UUID | None
    export_key: str | None
    exported_at: datetime | None
    manifest_sha256: Sha256 | None
    record_key: str | None
    record_sha256: Sha256 | None
    finished_at: datetime | None
    verified_at: datetime | None

    @property
    def export(self) -> Export | None:
        """The export, once it was made."""
        if self.export_key is None or self.exported_at is None or self.bucket_id is None:
            return None
        return Export(
            key=self.export_key,
            bucket_id=self.bucket_id,
            exported_at=self.exported_at,
            files=self.files,
            bytes=self.bytes,
        )

    def link(self) -> Link:
        """Return where the record lies; raises ``SnapshotNotComplete`` while there is none."""
        if self.state != "complete" or self.record_key is None or self.record_sha256 is None:
            raise SnapshotNotComplete(f"snapshot {self.snapshot_id} is {self.state}")
        return Link(key=self.record_key, sha256=self.record_sha256)

    def info(self) -> SnapshotInfo:
        return SnapshotInfo(
            snapshot_id=self.snapshot_id,
            bucket=self.bucket,
            target=self.target,
            state=self.state,
            task_id=self.task_id,
            files=self.files,
            bytes=self.bytes,
            copied_blobs=self.copied_blobs,
            copied_bytes=self.copied_bytes,
            manifest_sha256=self.manifest_sha256,
            created_by=self.created_by,
            created_at=self.created_at,
            exported_at=self.exported_at,
            finished_at=self.finished_at,
            verified_at=self.verified_at,
            damaged=self.damaged,
        )


def record_of(
    snapshot: Snapshot,
    export: Export,
    *,
    repository_id: UUID,
    manifest_sha256: Sha256,
    sealed_at: datetime,
    previous: Link | None,
) -> SnapshotRecord:
    """Return the record that makes ``snapshot`` complete."""
    return SnapshotRecord(
        repository_id=repository_id,
        snapshot_id=snapshot.snapshot_id,
        task_id=snapshot.task_id,
        bucket=snapshot.bucket,
        bucket_id=export.bucket_id,
        files=export.files,
        bytes=export.bytes,
        copied_blobs=snapshot.copied_blobs,
        copied_bytes=snapshot.copied_bytes,
        manifest_sha256=manifest_sha256,
        created_by=snapshot.created_by,
        created_at=snapshot.created_at,
        exported_at=export.exported_at,
        sealed_at=sealed_at,
        previous=previous,
    )


def created(record: SnapshotRecord, target: TargetName) -> SnapshotCreated:
    """Return the announcement of a record that is in its target."""
    return SnapshotCreated(
        bucket=record.bucket,
        snapshot_id=record.snapshot_id,
        target=target,
        files=record.files,
        bytes=record.bytes,
        copied_bytes=record.copied_bytes,
        actor=record.created_by,
    )
