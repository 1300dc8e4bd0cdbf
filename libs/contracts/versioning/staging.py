"""Writes on branches that no commit has yet."""

from datetime import datetime
from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType, field

from libs.contracts.base import Reply, Request
from libs.contracts.values import (
    Actor,
    ByteCount,
    CommitId,
    ContentType,
    FilePath,
    Labels,
    Message,
    PageLimit,
    Sha256,
)
from libs.contracts.versioning.words import (
    BranchName,
    EntryInfo,
    FileState,
    OfBucket,
    Prefix,
)


class StagedWrite(Struct, frozen=True, kw_only=True):
    """What a path is to become; without ``sha256`` it is removed."""

    path: FilePath
    sha256: Sha256 | None = None
    size: ByteCount = 0
    content_type: ContentType = "application/octet-stream"
    metadata: Labels = field(default_factory=dict)
    tags: Labels = field(default_factory=dict)


class Staged(Reply, frozen=True):
    """What is staged on the branch now; or, with ``auto_commit``, the commit that it became."""

    branch: BranchName
    staged: int
    changed: int
    """How many of the writes changed something."""
    commit_id: CommitId | None = None
    entries: list[EntryInfo] = field(default_factory=list)
    """The states written, in the order of the writes; removed paths are not among them."""
    created: bool = False
    """With a single write: whether the path is new."""


class StageWrites(Request[Staged], OfBucket, to="versioning", frozen=True, kw_only=True):
    """Stage writes on a branch other than ``main``: all or none.

    Their bytes have to be in the bucket's history, or be held by storage until ``held_until``.
    """

    branch: BranchName
    actor: Actor
    writes: Annotated[list[StagedWrite], Meta(min_length=1, max_length=1000)]
    expect: dict[FilePath, list[Sha256] | None] = field(default_factory=dict)
    """Per path the digests it may have now, none of them for any, or None for "no file"; else
    ``precondition-failed``."""
    lenient: bool = True
    """Removing what is not there is no failure."""
    held_until: datetime | None = None
    message: Message = ""
    """With ``auto_commit``: the commit's."""


class StageUpdate(Request[Staged], OfBucket, to="versioning", frozen=True, kw_only=True):
    """Stage what is known of a file on a branch; what is absent stays, and the bytes do."""

    branch: BranchName
    actor: Actor
    path: FilePath
    content_type: ContentType | UnsetType = UNSET
    metadata: Labels | UnsetType = UNSET
    tags: Labels | UnsetType = UNSET
    expect: dict[FilePath, list[Sha256] | None] = field(default_factory=dict)
    """As for ``StageWrites``."""
    message: Message = ""


class StagedChange(Struct, frozen=True, kw_only=True):
    path: FilePath
    before: FileState | None
    after: FileState | None
    staged_by: Actor
    staged_at: datetime


class StagedList(Reply, frozen=True):
    items: list[StagedChange]
    next: str | None = None


class ListStaged(Request[StagedList], OfBucket, to="versioning", frozen=True, kw_only=True):
    branch: BranchName
    prefix: Prefix = ""
    start_after: str = ""
    limit: PageLimit = 100


class DiscardStaged(Request[Staged], OfBucket, to="versioning", frozen=True, kw_only=True):
    """Forget what is staged: these paths, those below ``prefix``, or all."""

    branch: BranchName
    actor: Actor
    paths: Annotated[list[FilePath], Meta(min_length=1, max_length=1000)] | None = None
    prefix: Prefix = ""
