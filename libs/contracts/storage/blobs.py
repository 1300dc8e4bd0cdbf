"""Blobs: where bytes lie, and exports of a bucket's files."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from msgspec import Meta, Struct

from libs.contracts.base import Reply, Request
from libs.contracts.values import (
    Actor,
    Blake3,
    BucketName,
    ByteCount,
    ContentType,
    FilePath,
    Labels,
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
