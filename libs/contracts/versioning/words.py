"""What several messages of versioning share."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from msgspec import Meta, Struct, field

from libs.contracts.base import Reply
from libs.contracts.values import (
    Actor,
    BucketName,
    ByteCount,
    CommitId,
    ContentType,
    FilePath,
    Labels,
    Message,
    Sha256,
)

RefText = Annotated[str, Meta(min_length=1, max_length=200)]
"""A commit, however it is named.

A branch; a tag; a commit id or an unambiguous beginning of one (8 digits or more); each may be
followed by ``~n``, the n-th commit before it along first parents. ``@<time>`` is the newest commit
of ``main`` at that time (RFC 3339), ``<branch>@<time>`` that of another branch. Where files are
read or compared, ``now`` is what storage has at this moment.
"""

# Not what could be a commit id, and nothing that git refuses.
REF_NAME = (
    r"^(?!(now|HEAD)$)(?![0-9a-fA-F]{8,64}$)(?!.*(//|\.\.|\.lock(/|$)|/\.|\.(/|$)))"
    r"[A-Za-z0-9][A-Za-z0-9._/-]*(?<!/)$(?!\n)"
)
RefName = Annotated[str, Meta(max_length=100, pattern=REF_NAME)]
BranchName = RefName
CheckName = Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._/-]{0,99}$(?!\n)")]
Prefix = Annotated[str, Meta(max_length=1024)]


class OfBucket(Struct, frozen=True, kw_only=True):
    """About the history of one bucket."""

    bucket: BucketName
    bucket_id: UUID | None = None
    """The bucket that is meant; None: the one that has the name now.

    With it, nobody who takes over a name is shown the history of who had it before.
    """


class FileState(Struct, frozen=True, kw_only=True):
    """What a file was in a commit."""

    sha256: Sha256
    size: ByteCount
    content_type: ContentType


class EntryInfo(Reply, frozen=True):
    """A file as a commit or a version names it."""

    path: FilePath
    sha256: Sha256
    size: ByteCount
    content_type: ContentType
    metadata: Labels
    tags: Labels
    commit_id: CommitId | None
    """The commit that was read; None: a branch without one."""
    committed_at: datetime
    """When that was made; of what is staged, when it was written."""
    staged: bool = False
    """It waits for a commit on the branch that was read."""
    expired: bool = False
    """The content was given up: reading it answers ``version-expired``."""


class CommitInfo(Struct, frozen=True, kw_only=True):
    commit_id: CommitId
    parents: list[CommitId]
    tree: Sha256
    author: Actor
    message: Message
    operation: str
    """An operation of files, what else made it (``commit``, ``merge``), or ``mixed``."""
    created_at: datetime
    files: int
    """How many files the tree holds."""
    bytes: ByteCount
    """The sum of their sizes."""
    metadata: Labels = field(default_factory=dict)


class EntryChange(Struct, frozen=True, kw_only=True):
    """What a commit did to one path: before is absent when added, after when removed."""

    path: FilePath
    before: Sha256 | None
    after: Sha256 | None
    size: ByteCount
