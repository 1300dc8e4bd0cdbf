"""What ``services/storage`` answers and announces: buckets, files, uploads and blobs."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from msgspec import UNSET, Meta, Struct, UnsetType, field

from libs.contracts.base import Done, Event, Reply, Request
from libs.contracts.progress import TaskAccepted
from libs.contracts.values import (
    Actor,
    Blake3,
    BucketName,
    ByteCount,
    CommitId,
    ContentType,
    FilePath,
    Labels,
    Message,
    Operation,
    PageLimit,
    Revision,
    Sha256,
    Versioning,
)

# --- buckets ---------------------------------------------------------------------------------


class BucketInfo(Reply, frozen=True):
    """A bucket as its users see it."""

    bucket_id: UUID
    name: BucketName
    versioning: Versioning
    created_at: datetime
    created_by: Actor


class BucketList(Reply, frozen=True):
    items: list[BucketInfo]
    next: str | None = None
    """Ask again with this as ``start_after``."""


class CreateBucket(Request[BucketInfo], to="storage", frozen=True):
    name: BucketName
    actor: Actor
    versioning: Versioning = "auto"


class GetBucket(Request[BucketInfo], to="storage", frozen=True):
    name: BucketName


class ListBuckets(Request[BucketList], to="storage", frozen=True):
    start_after: str = ""
    limit: PageLimit = 100


class UpdateBucket(Request[BucketInfo], to="storage", frozen=True):
    name: BucketName
    actor: Actor
    versioning: Versioning | UnsetType = UNSET


class DeleteBucket(Request[Done], to="storage", frozen=True):
    """Remove an empty bucket; one with files refuses with ``bucket-not-empty``."""

    name: BucketName
    actor: Actor


class EmptyAndDeleteBucket(Request[TaskAccepted], to="storage", frozen=True):
    """Remove a bucket with all its files, as a task."""

    name: BucketName
    actor: Actor


class BucketMark(Reply, frozen=True):
    mark_id: UUID


class MarkBucket(Request[BucketMark], to="storage", frozen=True):
    """Announce ``bucket.marked`` behind every change of the bucket made until now."""

    name: BucketName


# --- files -----------------------------------------------------------------------------------


class FileInfo(Reply, frozen=True):
    """The state of one file; its ETag is ``sha256`` in quotes."""

    bucket: BucketName
    path: FilePath
    revision: Revision
    """Strictly increasing per path, also over deletes; it is the file's version number."""
    sha256: Sha256
    size: ByteCount
    content_type: ContentType
    metadata: Labels
    tags: Labels
    modified_at: datetime
    modified_by: Actor


class BlobPlace(Struct, frozen=True, kw_only=True):
    """Where bytes lie in the object store."""

    blob_id: UUID
    key: str
    size: ByteCount
    sha256: Sha256
    blake3: Blake3 | None = None
    """Proves the same bytes at a quarter of the cost; absent where nobody gave it."""


class StoredFile(Reply, frozen=True):
    """A file and where its bytes lie."""

    file: FileInfo
    blob: BlobPlace


class GetFile(Request[StoredFile], to="storage", frozen=True):
    bucket: BucketName
    path: FilePath


class FileList(Reply, frozen=True):
    items: list[FileInfo]
    prefixes: list[str]
    """With a delimiter: what several paths have in common up to and with it, each once."""
    next: str | None = None
    """The path or prefix to continue after."""


class ListFiles(Request[FileList], to="storage", frozen=True):
    """List a bucket in the byte order of paths."""

    bucket: BucketName
    prefix: Annotated[str, Meta(max_length=1024)] = ""
    delimiter: Annotated[str, Meta(max_length=8)] = ""
    start_after: Annotated[str, Meta(max_length=1024)] = ""
    limit: PageLimit = 100


class Expectation(Struct, frozen=True, kw_only=True):
    """What must be true of the file for the call to happen (RFC 9110 preconditions)."""

    any_of: list[Sha256] | None = None
    """``If-Match``: the present content is one of these; an empty list means any."""
    absent: bool = False
    """``If-None-Match: *``: there is no file."""


class UploadTicket(Reply, frozen=True):
    """Put the bytes at ``key``, then commit before ``expires_at``."""

    upload_id: UUID
    key: str
    expires_at: datetime


class BeginUpload(Request[UploadTicket], to="storage", frozen=True):
    """Record the intent before the first byte."""

    bucket: BucketName
    path: FilePath
    actor: Actor
    content_type: ContentType = "application/octet-stream"
    metadata: Labels = field(default_factory=dict)
    tags: Labels = field(default_factory=dict)
    expect: Expectation = field(default_factory=Expectation)
    operation: Operation = "put"
    """What the event says; a restore that has to bring the bytes along is a ``restore``."""
    message: Message = ""


class FilePut(Reply, frozen=True):
    file: FileInfo
    created: bool
    """There was no such file before."""


class CommitUpload(Request[FilePut], to="storage", frozen=True):
    """Make an upload's bytes, complete and hashed, the new state of its path."""

    upload_id: UUID
    sha256: Sha256
    size: ByteCount
    blake3: Blake3 | None = None
    """Kept with new bytes, so that whoever reads them can prove them cheaply."""


class AbortUpload(Request[Done], to="storage", frozen=True):
    """Forget an upload and its bytes; unknown uploads are forgotten already."""

    upload_id: UUID


class DeleteFile(Request[Done], to="storage", frozen=True):
    bucket: BucketName
    path: FilePath
    actor: Actor
    expect: Expectation = field(default_factory=Expectation)


class UpdateFile(Request[FileInfo], to="storage", frozen=True):
    """Change what is known of a file, not its bytes."""

    bucket: BucketName
    path: FilePath
    actor: Actor
    content_type: ContentType | UnsetType = UNSET
    metadata: Labels | UnsetType = UNSET
    tags: Labels | UnsetType = UNSET
    expect: Expectation = field(default_factory=Expectation)


# --- changes: many files, all or nothing -----------------------------------------------------


class PutContent(Struct, frozen=True, kw_only=True, tag_field="op", tag="put"):
    """Point ``path`` at bytes that storage has already."""

    path: FilePath
    sha256: Sha256
    content_type: ContentType = "application/octet-stream"
    metadata: Labels = field(default_factory=dict)
    tags: Labels = field(default_factory=dict)


class RemovePath(Struct, frozen=True, kw_only=True, tag_field="op", tag="delete"):
    path: FilePath


class CopyPath(Struct, frozen=True, kw_only=True, tag_field="op", tag="copy"):
    source: FilePath
    path: FilePath


class MovePath(Struct, frozen=True, kw_only=True, tag_field="op", tag="move"):
    source: FilePath
    path: FilePath


Change = PutContent | RemovePath | CopyPath | MovePath


class FileChange(Struct, frozen=True, kw_only=True):
    """One path's new state; ``sha256`` is absent when it was removed."""

    path: FilePath
    revision: Revision
    sha256: Sha256 | None = None


class ChangesApplied(Reply, frozen=True):
    changed: list[FileChange]
    """In the order of paths; a change that changes nothing is not among them."""
    applied_at: datetime


class ApplyChanges(Request[ChangesApplied], to="storage", frozen=True):
    """Apply all changes in one transaction, or none."""

    bucket: BucketName
    actor: Actor
    changes: Annotated[list[Change], Meta(min_length=1)]
    expect: dict[FilePath, Sha256 | None] = field(default_factory=dict)
    """Per path its present sha256, or None for "no file"; anything else refuses all."""
    message: Message = ""
    operation: Operation | None = None
    """What the events say; None: put, delete, copy or move as each change is."""
    commit_id: CommitId | None = None
    """Set by versioning, which records the result itself."""
    lenient: bool = False
    """Removing what is not there is no failure."""


# --- blobs -----------------------------------------------------------------------------------


class BlobList(Reply, frozen=True):
    items: list[BlobPlace]
    """Those that storage has, in no particular order."""


class FindBlobs(Request[BlobList], to="storage", frozen=True):
    """Tell where the bytes with these digests lie."""

    bucket: BucketName
    digests: Annotated[list[Sha256], Meta(max_length=1000)]


class FilesExported(Reply, frozen=True):
    """A bucket's files lie at ``key`` as one JSON ``ExportedFile`` a line, sorted by path."""

    bucket_id: UUID
    key: str
    files: int
    bytes: ByteCount
    """The sum of the files' sizes."""
    exported_at: datetime


class ExportFiles(Request[FilesExported], to="storage", frozen=True):
    """Write the state of a bucket at one instant to the object store; kept for a day."""

    bucket: BucketName
    export_id: UUID
    """Asking again with the same id writes the same key again."""


class ExportedFile(Struct, frozen=True, kw_only=True):
    """One line of an export."""

    path: FilePath
    revision: Revision
    sha256: Sha256
    size: ByteCount
    content_type: ContentType
    metadata: Labels
    tags: Labels
    modified_at: datetime
    modified_by: Actor
    blob_key: str


# --- events ----------------------------------------------------------------------------------


class BucketCreated(Event, frozen=True, type="bucket.created", key="bucket"):
    """A bucket can be written to."""

    bucket: BucketName
    bucket_id: UUID
    versioning: Versioning
    actor: Actor


class BucketUpdated(Event, frozen=True, type="bucket.updated", key="bucket"):
    """A bucket's settings changed."""

    bucket: BucketName
    bucket_id: UUID
    versioning: Versioning
    actor: Actor


class BucketDeleted(Event, frozen=True, type="bucket.deleted", key="bucket"):
    """A bucket and all its files are gone; its name may be taken again."""

    bucket: BucketName
    bucket_id: UUID
    actor: Actor


class BucketMarked(Event, frozen=True, type="bucket.marked", key="bucket"):
    """Every change of the bucket made before the mark was asked for has been announced."""

    bucket: BucketName
    bucket_id: UUID
    mark_id: UUID


class FileStored(Event, frozen=True, type="file.stored", key="bucket"):
    """A new state of ``path`` became readable in ``bucket``."""

    bucket: BucketName
    bucket_id: UUID
    path: FilePath
    revision: Revision
    """Strictly increasing per file; consumers ignore anything older than they know."""
    sha256: Sha256
    size: ByteCount
    content_type: ContentType
    metadata: Labels
    tags: Labels
    operation: Operation
    actor: Actor
    versioning: Versioning
    """The bucket's setting when the change was made."""
    message: Message = ""
    commit_id: CommitId | None = None
    """Set when the change was made by a commit, merge or restore of versioning."""


class FileDeleted(Event, frozen=True, type="file.deleted", key="bucket"):
    """``path`` is no longer in ``bucket``."""

    bucket: BucketName
    bucket_id: UUID
    path: FilePath
    revision: Revision
    operation: Operation
    actor: Actor
    versioning: Versioning
    message: Message = ""
    commit_id: CommitId | None = None
