"""What a file is, and what is announced when it changes."""

from datetime import datetime
from typing import Self
from uuid import UUID

from msgspec import Struct

from libs.contracts.storage import BlobPlace, FileInfo, FileStored, SealedKey, state_digest
from libs.contracts.values import Labels, Operation
from services.storage.domain.buckets import Bucket
from services.storage.domain.row import Row


class Content(Struct, frozen=True, kw_only=True):
    """Which bytes a file has, and what is known of them."""

    blob_id: UUID
    sha256: str
    size: int
    content_type: str
    metadata: Labels
    tags: Labels

    @property
    def state_digest(self) -> str:
        """One digest of the bytes and what is known of them."""
        return state_digest(self.sha256, self.content_type, self.metadata, self.tags)

    @classmethod
    def of(cls, row: Row) -> Self:
        """Read a row that has at least the content's columns."""
        return cls(
            blob_id=row["blob_id"],
            sha256=row["sha256"].hex(),
            size=row["size"],
            content_type=row["content_type"],
            metadata=row["metadata"],
            tags=row["tags"],
        )


class File(Struct, frozen=True, kw_only=True):
    """The state of one path; ``content`` is absent when the file was deleted or never was."""

    path: str
    revision: int
    content: Content | None
    modified_at: datetime
    modified_by: str

    @classmethod
    def of(cls, row: Row) -> Self:
        """Read a row of ``file``."""
        return cls(
            path=row["path"],
            revision=row["revision"],
            content=None if row["blob_id"] is None else Content.of(row),
            modified_at=row["modified_at"],
            modified_by=row["modified_by"],
        )

    @property
    def sha256(self) -> str | None:
        """The digest of what the file holds."""
        return self.content.sha256 if self.content else None

    def info(self, bucket: str) -> FileInfo:
        """Return the file as its users see it; only for one that has content."""
        content = _present(self)
        return FileInfo(
            bucket=bucket,
            path=self.path,
            revision=self.revision,
            sha256=content.sha256,
            size=content.size,
            content_type=content.content_type,
            metadata=content.metadata,
            tags=content.tags,
            modified_at=self.modified_at,
            modified_by=self.modified_by,
        )


def place_of(row: Row) -> BlobPlace:
    """Read a row that has at least the blob's columns."""
    sealed = row["master_key_id"] and SealedKey(
        master=row["master_key_id"], wrapped=row["wrapped_key"], blob_id=row["sealed_as"]
    )
    return BlobPlace(
        blob_id=row["blob_id"],
        key=row["key"],
        size=row["size"],
        sha256=row["sha256"].hex(),
        blake3=row["blake3"].hex() if row["blake3"] else None,
        offset=row["object_offset"],
        stored_size=row["stored_size"],
        codec=row["codec"],
        sealed=sealed,
        backend=row["backend"],
        quarantined=row["quarantined_at"] is not None,
    )


def stored(
    bucket: Bucket,
    file: FileInfo,
    operation: Operation,
    *,
    message: str = "",
    commit_id: str | None = None,
) -> FileStored:
    """Return the event that tells a new state of ``file``."""
    return FileStored(
        occurred_at=file.modified_at,
        bucket=bucket.name,
        bucket_id=bucket.bucket_id,
        path=file.path,
        revision=file.revision,
        sha256=file.sha256,
        size=file.size,
        content_type=file.content_type,
        metadata=file.metadata,
        tags=file.tags,
        operation=operation,
        actor=file.modified_by,
        versioning=bucket.versioning,
        message=message,
        commit_id=commit_id,
    )


def _present(file: File) -> Content:
    if file.content is None:
        raise ValueError(f"{file.path!r} was deleted at revision {file.revision}")
    return file.content
