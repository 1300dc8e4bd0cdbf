"""The manifest: one header line, then one line for each file, in the order of paths.

It holds nothing that changes from one snapshot to the next, so a bucket that did not change has the
same manifest, with the same digest, stored once. It is written and read as a stream.
"""

from datetime import datetime
from typing import Literal
from uuid import UUID

import msgspec
from msgspec import Struct

from libs.contracts.storage import ExportedFile, PutContent
from libs.contracts.values import (
    Actor,
    BucketName,
    ByteCount,
    ContentType,
    FilePath,
    Labels,
    Revision,
    Sha256,
)
from services.backup.domain.errors import ExportDamaged, SnapshotDamaged


class ManifestHeader(Struct, frozen=True, kw_only=True):
    """The first line."""

    format: Literal["plain-v0"] = "plain-v0"
    bucket: BucketName
    bucket_id: UUID


class ManifestFile(Struct, frozen=True, kw_only=True):
    """A file as it was; its bytes are found by their digest alone."""

    path: FilePath
    revision: Revision
    sha256: Sha256
    size: ByteCount
    content_type: ContentType
    metadata: Labels
    tags: Labels
    modified_at: datetime
    modified_by: Actor

    @classmethod
    def of(cls, file: ExportedFile) -> "ManifestFile":
        """Return what a manifest keeps of an exported file."""
        return cls(
            path=file.path,
            revision=file.revision,
            sha256=file.sha256,
            size=file.size,
            content_type=file.content_type,
            metadata=file.metadata,
            tags=file.tags,
            modified_at=file.modified_at,
            modified_by=file.modified_by,
        )

    def put(self) -> PutContent:
        """Return the change that brings this file back."""
        return PutContent(
            path=self.path,
            sha256=self.sha256,
            content_type=self.content_type,
            metadata=self.metadata,
            tags=self.tags,
        )


# The same file is the same line for ever: labels are sorted, so their order cannot change a digest.
_encoder = msgspec.json.Encoder(order="deterministic")
_exported = msgspec.json.Decoder(ExportedFile)
_header = msgspec.json.Decoder(ManifestHeader)
_file = msgspec.json.Decoder(ManifestFile)


def encode_line(line: ManifestHeader | ManifestFile) -> bytes:
    return _encoder.encode(line) + b"\n"


def decode_header(line: bytes) -> ManifestHeader:
    """Raises ``SnapshotDamaged`` for anything else."""
    try:
        return _header.decode(line)
    except msgspec.DecodeError as error:
        raise SnapshotDamaged(f"the manifest's first line cannot be read: {error}") from error


def decode_file(line: bytes) -> ManifestFile:
    """Raises ``SnapshotDamaged`` for anything else."""
    try:
        return _file.decode(line)
    except msgspec.DecodeError as error:
        raise SnapshotDamaged(f"a line of the manifest cannot be read: {error}") from error


def decode_exported(line: bytes) -> ExportedFile:
    """Raises ``ExportDamaged`` for anything else."""
    try:
        return _exported.decode(line)
    except msgspec.DecodeError as error:
        raise ExportDamaged(f"a line of the export cannot be read: {error}") from error
