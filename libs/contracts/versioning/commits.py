"""Commits that somebody makes, and what undoes them."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from msgspec import Meta, field

from libs.contracts.base import Event, Reply, Request
from libs.contracts.storage.changes import PathChange, PutContent, RemovePath
from libs.contracts.values import (
    Actor,
    BucketName,
    CommitId,
    FilePath,
    Labels,
    Message,
    Sha256,
)
from libs.contracts.versioning.words import (
    BranchName,
    CommitInfo,
    EntryChange,
    OfBucket,
    Prefix,
    RefText,
)


class CommitMade(Reply, frozen=True):
    """The new commit, or the head as it was when nothing had to change."""

    commit: CommitInfo | None
    """None: nothing was ever committed, and nothing had to change."""
    changed: int
    """Paths that are different now; 0: there is no new commit."""


class CreateCommit(Request[CommitMade], OfBucket, to="versioning", frozen=True, kw_only=True):
    """Commit changes to a branch, all or none; without changes, what is staged on it.

    Bytes that are put are those of a file, past or present, or were stored to be held.
    With changes, what is staged stays staged, but for the paths that they change. On ``main``
    storage applies them in one transaction.
    """

    branch: BranchName = "main"
    actor: Actor
    message: Message = ""
    metadata: Labels = field(default_factory=dict)
    changes: Annotated[list[PathChange], Meta(max_length=10_000)] = field(default_factory=list)
    expect: dict[FilePath, Sha256 | None] = field(default_factory=dict)
    """Per path its present sha256, or None for "no file"; else ``precondition-failed``."""
    expect_head: CommitId | None = None
    """The branch has to be there, else ``stale-head``."""
    lenient: bool = False
    """Removing what is not there is no failure."""


class ImportCommit(Request[CommitMade], OfBucket, to="versioning", frozen=True, kw_only=True):
    """Bring a commit of another history along, with its own author, time and parents.

    It is on no branch until one is created at it. Asked again, the same commit is there already.
    A bucket's owner may do it; ``metadata`` tells where it came from.
    """

    parents: Annotated[list[CommitId], Meta(max_length=64)] = field(default_factory=list)
    author: Actor
    committed_at: datetime
    message: Message = ""
    metadata: Labels = field(default_factory=dict)
    changes: Annotated[list[PutContent | RemovePath], Meta(max_length=4_000)] = field(
        default_factory=list
    )
    """Against the first parent, or the parts in ``tree``."""
    tree: Sha256 | None = None
    """Begin with this tree instead of the first parent's: a commit too large for one request is
    given in parts, each but the last with ``partial``."""
    partial: bool = False
    """Store the tree only, and answer with its id in ``commit.tree``; there is no commit yet."""


class Restored(Reply, frozen=True):
    """The new commit, or the old head when nothing had to change."""

    commit_id: CommitId
    changed: int


class Restore(Request[Restored], OfBucket, to="versioning", frozen=True, kw_only=True):
    """Make files of a branch as they were at ``to``: a new commit, no bytes moved.

    Without ``paths`` and ``prefix`` the whole bucket is restored.
    """

    to: RefText
    actor: Actor
    branch: BranchName = "main"
    paths: Annotated[list[FilePath], Meta(min_length=1, max_length=1000)] | None = None
    prefix: Prefix = ""
    message: Message = ""
    expect_head: CommitId | None = None
    also_protected: bool = False
    """Also where the branch changes by merges only: a deleted bucket comes back as it was."""


class Revert(Request[CommitMade], OfBucket, to="versioning", frozen=True, kw_only=True):
    """Take back what a commit did: a new commit. Undoing a restore is this, too.

    ``merge-conflict`` lists the paths that were changed again since.
    """

    commit: RefText
    branch: BranchName = "main"
    actor: Actor
    message: Message = ""
    expect_head: CommitId | None = None


class CherryPick(Request[CommitMade], OfBucket, to="versioning", frozen=True, kw_only=True):
    """Do on a branch what a commit did elsewhere, against its first parent."""

    commit: RefText
    branch: BranchName = "main"
    actor: Actor
    message: Message = ""
    expect_head: CommitId | None = None


class VersionCreated(Event, frozen=True, type="version.created", key="bucket"):
    """A commit recorded new states of files; ``changes`` is cut at 100 paths."""

    bucket: BucketName
    bucket_id: UUID
    commit_id: CommitId
    author: Actor
    message: Message
    operation: str
    """An operation of files, what else made it (``commit``, ``merge``), or ``mixed``."""
    changed: int
    changes: list[EntryChange]
    branch: BranchName = "main"
