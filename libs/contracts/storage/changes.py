"""Changes of many files, all or nothing."""

from datetime import datetime
from typing import Annotated

from msgspec import Meta, Struct, field

from libs.contracts.base import Reply, Request
from libs.contracts.values import (
    Actor,
    BucketName,
    CommitId,
    ContentType,
    FilePath,
    Labels,
    Message,
    Operation,
    Revision,
    Sha256,
)


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
