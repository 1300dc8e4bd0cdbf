"""Files: reading, deleting and describing them, and what is announced of them."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from msgspec import UNSET, Meta, Struct, UnsetType, field

from libs.contracts.base import Done, Event, Reply, Request
from libs.contracts.storage.blobs import BlobPlace
from libs.contracts.values import (
    Actor,
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
    tags: Labels = field(default_factory=dict)
    """Only files that have all of these."""


class Expectation(Struct, frozen=True, kw_only=True):
    """What must be true of the file for the call to happen (RFC 9110 preconditions)."""

    any_of: list[Sha256] | None = None
    """``If-Match``: the present content is one of these; an empty list means any."""
    absent: bool = False
    """``If-None-Match: *``: there is no file."""


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


class FileQuarantined(Event, frozen=True, type="file.quarantined", key="bucket"):
    """The stored bytes of ``path`` are damaged; it cannot be read until they are put again."""

    bucket: BucketName
    bucket_id: UUID
    path: FilePath
    revision: Revision
    """Of the state whose bytes they are."""
    sha256: Sha256
    size: ByteCount
    reason: str
