"""What ``services/versioning`` answers and announces: versions, commits, refs and restores."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from msgspec import Meta, Struct

from libs.contracts.base import Event, Reply, Request
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
    PageLimit,
    Revision,
    Sha256,
)

RefText = Annotated[str, Meta(min_length=1, max_length=200)]
"""A branch, a tag, a commit id or an unambiguous prefix of one (8 digits or more)."""


class VersionInfo(Struct, frozen=True, kw_only=True):
    """One state that a file had; ``sha256`` is absent where it was deleted."""

    path: FilePath
    version: Revision
    """The file's revision at storage."""
    operation: Operation
    commit_id: CommitId
    author: Actor
    created_at: datetime
    message: Message = ""
    sha256: Sha256 | None = None
    size: ByteCount = 0
    content_type: ContentType | None = None


class VersionList(Reply, frozen=True):
    items: list[VersionInfo]
    next: int | None = None
    """Continue below this version."""


class ListVersions(Request[VersionList], to="versioning", frozen=True):
    """List the states of one file, newest first."""

    bucket: BucketName
    path: FilePath
    below: Revision | None = None
    limit: PageLimit = 100


class EntryInfo(Reply, frozen=True):
    """A file as a commit or a version names it."""

    path: FilePath
    sha256: Sha256
    size: ByteCount
    content_type: ContentType
    metadata: Labels
    tags: Labels
    commit_id: CommitId
    """The commit that was read."""
    committed_at: datetime


class GetVersion(Request[EntryInfo], to="versioning", frozen=True):
    bucket: BucketName
    path: FilePath
    version: Revision


class GetEntry(Request[EntryInfo], to="versioning", frozen=True):
    bucket: BucketName
    path: FilePath
    ref: RefText


class EntryList(Reply, frozen=True):
    commit_id: CommitId
    items: list[EntryInfo]
    prefixes: list[str]
    next: str | None = None


class ListEntries(Request[EntryList], to="versioning", frozen=True):
    """List a bucket as it was at ``ref``, in the byte order of paths."""

    bucket: BucketName
    ref: RefText
    prefix: Annotated[str, Meta(max_length=1024)] = ""
    delimiter: Annotated[str, Meta(max_length=8)] = ""
    start_after: Annotated[str, Meta(max_length=1024)] = ""
    limit: PageLimit = 100


class CommitInfo(Struct, frozen=True, kw_only=True):
    commit_id: CommitId
    parents: list[CommitId]
    tree: Sha256
    author: Actor
    message: Message
    operation: str
    """An operation of files, or ``mixed`` where a commit holds several."""
    created_at: datetime
    files: int
    """How many files the tree holds."""
    bytes: ByteCount
    """The sum of their sizes."""


class CommitList(Reply, frozen=True):
    items: list[CommitInfo]
    next: CommitId | None = None
    """Ask again with this as ``ref``."""


class ListCommits(Request[CommitList], to="versioning", frozen=True):
    """Walk the history of ``ref`` along first parents, newest first."""

    bucket: BucketName
    ref: RefText = "main"
    limit: PageLimit = 100


class EntryChange(Struct, frozen=True, kw_only=True):
    """What a commit did to one path: before is absent when added, after when removed."""

    path: FilePath
    before: Sha256 | None
    after: Sha256 | None
    size: ByteCount


class CommitDetail(Reply, frozen=True):
    commit: CommitInfo
    changes: list[EntryChange]
    truncated: bool
    """There are more changes than were asked for."""


class GetCommit(Request[CommitDetail], to="versioning", frozen=True):
    bucket: BucketName
    ref: RefText
    limit: PageLimit = 1000


class Restored(Reply, frozen=True):
    """The new commit, or the old head when nothing had to change."""

    commit_id: CommitId
    changed: int


class Restore(Request[Restored], to="versioning", frozen=True):
    """Make files of ``main`` as they were at ``to``: a new commit, no bytes moved.

    Without ``paths`` and ``prefix`` the whole bucket is restored.
    """

    bucket: BucketName
    to: RefText
    actor: Actor
    paths: Annotated[list[FilePath], Meta(min_length=1, max_length=1000)] | None = None
    prefix: Annotated[str, Meta(max_length=1024)] = ""
    message: Message = ""


class VersionCreated(Event, frozen=True, type="version.created", key="bucket"):
    """A commit recorded new states of files; ``changes`` is cut at 100 paths."""

    bucket: BucketName
    bucket_id: UUID
    commit_id: CommitId
    author: Actor
    message: Message
    operation: str
    """An operation of files, or ``mixed`` where a commit holds several."""
    changed: int
    changes: list[EntryChange]


class RefMoved(Event, frozen=True, type="ref.moved", key="bucket"):
    """A branch or tag names another commit now."""

    bucket: BucketName
    bucket_id: UUID
    ref: str
    before: CommitId | None
    after: CommitId | None
    actor: Actor


class ContentInUse(Reply, frozen=True):
    digests: list[Sha256]
    """Those of the question that a state in the bucket's history has, in no particular order."""


class BlobsInUse(Request[ContentInUse], to="versioning", frozen=True):
    """Tell which of these bytes the history of a bucket still needs.

    The answer takes into account everything that storage announced before the mark, also what
    could not be applied and waits for an operator; ``history-behind`` while that cannot be said.
    """

    bucket_id: UUID
    digests: Annotated[list[Sha256], Meta(max_length=1000)]
    mark_id: UUID
