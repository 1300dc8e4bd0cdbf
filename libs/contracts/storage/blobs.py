"""Blobs: where bytes lie, and exports of a bucket's files."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from msgspec import Meta, Struct

from libs.contracts.base import Done, Reply, Request
from libs.contracts.values import (
    Actor,
    Blake3,
    BucketName,
    ByteCount,
    ContentType,
    FilePath,
    Labels,
    PageLimit,
    Revision,
    Sha256,
)

Codec = Literal["zstd"]
"""How stored bytes differ from the original: zstd in the seekable format."""

Backend = Literal["primary", "fallback"]
"""Which of the installation's stores has the bytes."""


class SealedKey(Struct, frozen=True, kw_only=True):
    """The data key of an encrypted blob, wrapped by a master key."""

    master: str
    """Which master key unwraps it."""
    wrapped: bytes
    blob_id: UUID | None = None
    """Which blob it was sealed as; absent: the one that it belongs to."""


class BlobPlace(Struct, frozen=True, kw_only=True):
    """Where bytes lie, and what was done to them: ``stored_size`` bytes at ``offset`` of ``key``.

    ``size``, ``sha256`` and ``blake3`` are those of the original, as it was uploaded.
    """

    blob_id: UUID
    key: str
    size: ByteCount
    sha256: Sha256
    blake3: Blake3 | None = None
    """Proves the same bytes at a quarter of the cost; absent where nobody gave it."""
    offset: ByteCount = 0
    """Small blobs share an object; a large one has its own."""
    stored_size: ByteCount | None = None
    """As many as ``size`` when absent."""
    codec: Codec | None = None
    sealed: SealedKey | None = None
    """Encrypted after it was compressed; absent when it is not encrypted."""
    backend: Backend = "primary"
    quarantined: bool = False
    """The bytes are damaged: nobody gets them."""

    @property
    def stored_bytes(self) -> int:
        """How many bytes lie at ``offset`` of ``key``."""
        return self.size if self.stored_size is None else self.stored_size


class BlobList(Reply, frozen=True):
    items: list[BlobPlace]
    """Those that storage has, in no particular order."""


class FindBlobs(Request[BlobList], to="storage", frozen=True):
    """Tell where the bytes with these digests lie."""

    bucket: BucketName
    digests: Annotated[list[Sha256], Meta(max_length=1000)]


class ReportDamage(Request[Done], to="storage", frozen=True):
    """Quarantine a blob that could not be read intact; the scrubber looks again soon."""

    blob: BlobPlace
    """As the reader knew it; when the bytes lie elsewhere by now, nothing happens."""
    reason: Annotated[str, Meta(min_length=1, max_length=500)]


class QuarantinedBlob(Struct, frozen=True, kw_only=True):
    """Damaged bytes, and what they were."""

    blob_id: UUID
    sha256: Sha256
    size: ByteCount
    key: str
    backend: Backend
    damage: str
    quarantined_at: datetime
    files: list[str]
    """Some of the present files that have them, as ``bucket/path``."""
    file_count: int


class QuarantineList(Reply, frozen=True):
    items: list[QuarantinedBlob]
    next: UUID | None = None
    """Ask again with this as ``after``."""


class ListQuarantined(Request[QuarantineList], to="storage", frozen=True):
    """List damaged blobs by their id."""

    after: UUID | None = None
    limit: PageLimit = 100


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
    blob: BlobPlace | None = None
    """Where the bytes lie; absent in exports from before blobs shared objects."""

    @property
    def place(self) -> BlobPlace:
        """Where the bytes lie, whoever wrote this line."""
        return self.blob or BlobPlace(
            blob_id=UUID(int=0), key=self.blob_key, size=self.size, sha256=self.sha256
        )
