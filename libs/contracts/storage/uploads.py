"""Uploads: the intent, then the commit; many small files at once."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from msgspec import Meta, Struct, field

from libs.contracts.base import Done, Reply, Request
from libs.contracts.problems import ProblemDetails
from libs.contracts.storage.blobs import Backend, BlobPlace, Codec, SealedKey
from libs.contracts.storage.checks import FileCheck
from libs.contracts.storage.files import Expectation, FileInfo
from libs.contracts.values import (
    Actor,
    Blake3,
    BucketName,
    ByteCount,
    ContentType,
    FilePath,
    Labels,
    Message,
    Operation,
    Sha256,
)


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
    session_id: UUID | None = None
    """The session whose parts these bytes are; the commit ends it."""
    size: ByteCount | None = None
    """How many bytes will come, if that is known: what cannot fit is refused before they do."""
    hold: bool = False
    """Make no file of the bytes: hold them for a branch or a commit that is to name them."""


class HeldContent(Struct, frozen=True, kw_only=True):
    """Bytes that the bucket has and that no file of its needs to name until ``held_until``."""

    sha256: Sha256
    size: ByteCount
    content_type: ContentType
    held_until: datetime


class FilePut(Reply, frozen=True):
    """What became of new content: a file, or in a bucket with checks something that waits."""

    visible: FileInfo | None = field(name="file", default=None)
    created: bool = False
    """There was no such file before."""
    check: FileCheck | None = None
    """It is accepted, and no file before its checks have passed."""
    held: HeldContent | None = None
    """It is no file: who asked to hold it names it elsewhere."""

    @property
    def file(self) -> FileInfo:
        """The file, for who knows that nothing waits here; raises ``LookupError``."""
        if self.visible is None:
            raise LookupError("the content waits for checks")
        return self.visible


class CommitUpload(Request[FilePut], to="storage", frozen=True):
    """Make an upload's bytes, complete and hashed, the new state of its path."""

    upload_id: UUID
    sha256: Sha256
    size: ByteCount
    blake3: Blake3 | None = None
    """Kept with new bytes, so that whoever reads them can prove them cheaply."""
    stored_size: ByteCount | None = None
    """How many bytes lie at the upload's key, if they are not as they came."""
    codec: Codec | None = None
    sealed: SealedKey | None = None
    backend: Backend = "primary"


class AbortUpload(Request[Done], to="storage", frozen=True):
    """Forget an upload and its bytes; unknown uploads are forgotten already."""

    upload_id: UUID


class ContentsHeld(Reply, frozen=True):
    held_until: datetime
    sizes: dict[Sha256, ByteCount]
    """Of those that are held now; the bucket never had the others."""


class HoldContents(Request[ContentsHeld], to="storage", frozen=True, kw_only=True):
    """Keep bytes that the bucket has, for somebody who is about to name them in its history."""

    bucket: BucketName
    digests: Annotated[list[Sha256], Meta(min_length=1, max_length=10_000)]


class KeysPromised(Reply, frozen=True):
    """Put an object at each of ``keys``, and commit what lies in it before ``expires_at``."""

    keys: list[str]
    expires_at: datetime


class PromiseKeys(Request[KeysPromised], to="storage", frozen=True):
    """Record that objects may appear, before the first byte of any."""

    count: Annotated[int, Meta(ge=1, le=1000)]


class BreakPromises(Request[Done], to="storage", frozen=True):
    """Have what may lie at ``keys`` deleted, unless it was committed after all."""

    keys: Annotated[list[str], Meta(max_length=1000)]


class NewFile(Struct, frozen=True, kw_only=True):
    """A file whose bytes lie in the store already."""

    bucket: BucketName
    path: FilePath
    actor: Actor
    blob: BlobPlace
    content_type: ContentType = "application/octet-stream"
    metadata: Labels = field(default_factory=dict)
    tags: Labels = field(default_factory=dict)
    expect: Expectation = field(default_factory=Expectation)


class FileOutcome(Struct, frozen=True, kw_only=True):
    """What became of one file: one of the two."""

    put: FilePut | None = None
    problem: ProblemDetails | None = None


class FilesPut(Reply, frozen=True):
    outcomes: list[FileOutcome]
    """In the order in which the files were given."""


class PutFiles(Request[FilesPut], to="storage", frozen=True):
    """Make files of bytes that lie at promised keys: each by itself, all in one transaction."""

    files: Annotated[list[NewFile], Meta(min_length=1, max_length=256)]
