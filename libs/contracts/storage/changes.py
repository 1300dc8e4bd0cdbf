"""Changes of many files, all or nothing."""

import hashlib
from datetime import datetime
from typing import Annotated
from uuid import UUID

import msgspec
from msgspec import Meta, Struct, field

from libs.contracts.base import Done, Event, Reply, Request
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
    Revision,
    Sha256,
    Versioning,
)

Folder = Annotated[str, Meta(max_length=1024)]
"""A prefix of whole segments: empty (all of the bucket), or with a slash at its end."""

MOST_PATHS = 250_000
"""How many files the prefixes of one request may mean together."""


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


class RemovePrefix(Struct, frozen=True, kw_only=True, tag_field="op", tag="delete_prefix"):
    """Remove every file below ``prefix``."""

    prefix: Folder


class CopyPrefix(Struct, frozen=True, kw_only=True, tag_field="op", tag="copy_prefix"):
    """Copy every file below ``source_prefix`` to the same name below ``prefix``."""

    source_prefix: Folder
    prefix: Folder
    overwrite: bool = False
    """Replace files that are there already; without it one of them refuses all."""


class MovePrefix(Struct, frozen=True, kw_only=True, tag_field="op", tag="move_prefix"):
    """Move every file below ``source_prefix`` to the same name below ``prefix``."""

    source_prefix: Folder
    prefix: Folder
    overwrite: bool = False


PathChange = PutContent | RemovePath | CopyPath | MovePath
PrefixChange = RemovePrefix | CopyPrefix | MovePrefix
Change = PathChange | PrefixChange


class FileChange(Struct, frozen=True, kw_only=True):
    """One path's new state; ``sha256`` is absent when it was removed."""

    path: FilePath
    revision: Revision
    sha256: Sha256 | None = None


class ChangesApplied(Reply, frozen=True):
    changed: list[FileChange]
    """In the order of paths; a change that changes nothing is not among them."""
    applied_at: datetime
    files: int = 0
    """How many files prefixes meant; they can be many, and are not in ``changed``."""
    truncated: bool = False
    """Of a change set more changed than ``changed`` tells; events tell them all."""


class ApplyChanges(Request[ChangesApplied], to="storage", frozen=True):
    """Apply all changes in one transaction, or none.

    What is copied or moved is what was there before the first change, so their order means nothing.
    """

    bucket: BucketName
    actor: Actor
    changes: list[Change]
    """At least one, here or in the change set."""
    expect: dict[FilePath, Sha256 | None] = field(default_factory=dict)
    """Per path its present sha256, or None for "no file"; anything else refuses all."""
    message: Message = ""
    operation: Operation | None = None
    """What the events say; None: put, delete, copy or move as each change is."""
    commit_id: CommitId | None = None
    """Set by versioning, which records the result itself."""
    lenient: bool = False
    """Removing what is not there is no failure."""
    change_set_id: UUID | None = None
    """More changes and expectations than a message holds, collected before; it is used up."""
    expect_states: dict[FilePath, Sha256] = field(default_factory=dict)
    """Per path the ``state_digest`` of what it is now; anything else refuses all."""


class AddChanges(Request[Done], to="storage", frozen=True, kw_only=True):
    """Collect changes that ``ApplyChanges`` applies later, all in its one transaction.

    Asked again, a part is there already. A set that nobody applies is forgotten after an hour.
    """

    change_set_id: UUID
    bucket: BucketName
    part: Annotated[int, Meta(ge=0, le=10_000)]
    changes: list[PathChange] = field(default_factory=list)
    expect: dict[FilePath, Sha256 | None] = field(default_factory=dict)
    expect_states: dict[FilePath, Sha256] = field(default_factory=dict)


def state_digest(sha256: Sha256, content_type: str, metadata: Labels, tags: Labels) -> Sha256:
    """Return one digest of what a file is: its bytes and what is known of them."""
    labels = [sorted(metadata.items()), sorted(tags.items())]
    return hashlib.sha256(msgspec.json.encode([sha256, content_type, *labels])).hexdigest()


class ChangedFile(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The new state of one path; without ``sha256`` it was removed."""

    path: FilePath
    revision: Revision
    sha256: Sha256 | None = None
    size: ByteCount = 0
    content_type: ContentType = "application/octet-stream"
    metadata: Labels = field(default_factory=dict)
    tags: Labels = field(default_factory=dict)
    source: FilePath | None = None
    """With a prefix that was copied or moved: where it came from."""
    source_revision: Revision | None = None
    """With a moved one: the revision with which ``source`` was removed in the same moment."""


class FilesChanged(Event, frozen=True, type="file.changed", key="bucket"):
    """Many files of a bucket changed in one transaction; each event tells a part of them.

    It stands in place of a ``file.stored`` or ``file.deleted`` for each of them.
    """

    bucket: BucketName
    bucket_id: UUID
    operation: Operation
    actor: Actor
    versioning: Versioning
    changed: list[ChangedFile]
    """Different paths, up to 1,000."""
    files: int = 0
    """How many they are; the live topic of a bucket shows only the first of them."""
    message: Message = ""
    commit_id: CommitId | None = None
