"""Valid values for the rules of backups; a test names only what it is about."""

import hashlib
from datetime import UTC, datetime
from uuid import UUID

from libs.contracts.storage import ExportedFile
from services.backup.domain import record
from services.backup.domain.manifest import ManifestFile
from services.backup.domain.record import Link, SnapshotRecord, StoredRecord

NOON = datetime(2026, 11, 21, 12, 0, 0, 123456, tzinfo=UTC)
REPOSITORY_ID = UUID(int=1)


def sha256(content: str) -> str:
    return hashlib.sha256(content.encode()).hexdigest()


def exported(path: str, content: str = "same", *, size: int | None = None) -> ExportedFile:
    return ExportedFile(
        path=path,
        revision=1,
        sha256=sha256(content),
        size=len(content) if size is None else size,
        content_type="text/plain",
        metadata={},
        tags={},
        modified_at=NOON,
        modified_by="key:test",
        blob_key=f"blobs/{sha256(content)[:8]}",
    )


def manifest_file(path: str, content: str = "same") -> ManifestFile:
    return ManifestFile.of(exported(path, content))


def stored_record(
    number: int, *, previous: Link | None, sealed_at: datetime = NOON
) -> StoredRecord:
    return record.encode(
        SnapshotRecord(
            repository_id=REPOSITORY_ID,
            snapshot_id=UUID(int=number),
            task_id=UUID(int=number),
            bucket="reports",
            bucket_id=UUID(int=7),
            files=1,
            bytes=4,
            copied_blobs=1,
            copied_bytes=4,
            manifest_sha256=sha256("manifest"),
            created_by="key:test",
            created_at=NOON,
            exported_at=NOON,
            sealed_at=sealed_at,
            previous=previous,
        )
    )
