"""Branches and tags."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from msgspec import UNSET, Meta, UnsetType, field

from libs.contracts.base import Done, Event, Reply, Request
from libs.contracts.values import (
    Actor,
    BucketName,
    CommitId,
    Labels,
    Message,
    PageLimit,
    Sha256,
)
from libs.contracts.versioning.words import (
    BranchName,
    CheckName,
    OfBucket,
    RefName,
    RefText,
)


class BranchInfo(Reply, frozen=True):
    name: BranchName
    commit_id: CommitId | None
    """None: nothing was committed yet."""
    created_at: datetime
    created_by: Actor
    moved_at: datetime
    is_default: bool
    """``main``: what storage holds. It moves by commits only, and cannot be deleted."""
    protected: bool
    """It changes by merges only."""
    required_checks: list[CheckName]
    """What has to have passed on a commit before it may be merged into this branch."""
    auto_commit: bool
    """Each write becomes a commit at once; otherwise writes are staged."""
    staged: int
    """Paths whose staged state waits for a commit."""


class BranchList(Reply, frozen=True):
    items: list[BranchInfo]
    next: str | None = None
    """Ask again with this as ``start_after``."""


class ListBranches(Request[BranchList], OfBucket, to="versioning", frozen=True, kw_only=True):
    """List branches by name; ``main`` is always among them."""

    start_after: str = ""
    prefix: str = ""
    limit: PageLimit = 100


class GetBranch(Request[BranchInfo], OfBucket, to="versioning", frozen=True, kw_only=True):
    name: BranchName


class CreateBranch(Request[BranchInfo], OfBucket, to="versioning", frozen=True, kw_only=True):
    """Make a branch that begins at ``source``; ``ref-exists`` when the name is taken."""

    name: BranchName
    source: RefText = "main"
    actor: Actor
    auto_commit: bool = False
    protected: bool = False
    required_checks: Annotated[list[CheckName], Meta(max_length=20)] = field(default_factory=list)


class UpdateBranch(Request[BranchInfo], OfBucket, to="versioning", frozen=True, kw_only=True):
    """Change a branch; what is absent stays.

    ``to`` lets it name another commit (a reset): ``stale-head`` unless it names ``expect``, where
    that is given; ``staged-changes`` while something is staged on it and ``discard`` is false.
    ``main`` is refused with ``main-moves-by-commits``: restore instead.
    """

    name: BranchName
    actor: Actor
    to: RefText | None = None
    expect: CommitId | None = None
    discard: bool = False
    auto_commit: bool | UnsetType = UNSET
    protected: bool | UnsetType = UNSET
    required_checks: Annotated[list[CheckName], Meta(max_length=20)] | UnsetType = UNSET


class DeleteBranch(Request[Done], OfBucket, to="versioning", frozen=True, kw_only=True):
    """Delete a branch, not its commits; refused while something is staged, but for ``discard``."""

    name: BranchName
    actor: Actor
    expect: CommitId | None = None
    discard: bool = False


class TagInfo(Reply, frozen=True):
    name: RefName
    commit_id: CommitId
    message: Message
    created_at: datetime
    created_by: Actor
    tag_id: Sha256
    """The sha256 of the encoded tag, which is what a signature signs."""
    metadata: Labels = field(default_factory=dict)


class TagList(Reply, frozen=True):
    items: list[TagInfo]
    next: str | None = None


class ListTags(Request[TagList], OfBucket, to="versioning", frozen=True, kw_only=True):
    start_after: str = ""
    prefix: str = ""
    limit: PageLimit = 100


class GetTag(Request[TagInfo], OfBucket, to="versioning", frozen=True, kw_only=True):
    name: RefName


class CreateTag(Request[TagInfo], OfBucket, to="versioning", frozen=True, kw_only=True):
    """Name a commit for good: a tag never moves, it can only be deleted."""

    name: RefName
    source: RefText = "main"
    actor: Actor
    message: Message = ""
    metadata: Labels = field(default_factory=dict)


class DeleteTag(Request[Done], OfBucket, to="versioning", frozen=True, kw_only=True):
    name: RefName
    actor: Actor


class RefMoved(Event, frozen=True, type="ref.moved", key="bucket"):
    """A branch or tag names another commit now."""

    bucket: BucketName
    bucket_id: UUID
    ref: str
    before: CommitId | None
    """None: it is new."""
    after: CommitId | None
    """None: it was deleted."""
    actor: Actor
