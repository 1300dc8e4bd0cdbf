"""What happened: versions of files, commits, and buckets as they were."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from msgspec import Meta, Struct

from libs.contracts.base import Reply, Request
from libs.contracts.values import (
    Actor,
    ByteCount,
    CommitId,
    ContentType,
    FilePath,
    Message,
    Operation,
    PageLimit,
    Revision,
    Sha256,
)
from libs.contracts.versioning.words import (
    CommitInfo,
    EntryChange,
    EntryInfo,
    OfBucket,
    RefText,
)


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
    expired: bool = False
    """The content was given up: reading it answers ``version-expired``."""


class VersionList(Reply, frozen=True):
    items: list[VersionInfo]
    next: int | None = None
    """Continue below this version."""


class ListVersions(Request[VersionList], OfBucket, to="versioning", frozen=True, kw_only=True):
    """List the states of one file, newest first."""

    path: FilePath
    below: Revision | None = None
    limit: PageLimit = 100


class GetVersion(Request[EntryInfo], OfBucket, to="versioning", frozen=True, kw_only=True):
    path: FilePath
    version: Revision


class GetEntry(Request[EntryInfo], OfBucket, to="versioning", frozen=True, kw_only=True):
    path: FilePath
    ref: RefText


class EntryList(Reply, frozen=True):
    commit_id: CommitId | None
    """The commit that was read; None: a branch without one."""
    items: list[EntryInfo]
    prefixes: list[str]
    next: str | None = None


class ListEntries(Request[EntryList], OfBucket, to="versioning", frozen=True, kw_only=True):
    """List a bucket as it was at ``ref``, in the byte order of paths."""

    ref: RefText
    prefix: Annotated[str, Meta(max_length=1024)] = ""
    delimiter: Annotated[str, Meta(max_length=8)] = ""
    start_after: Annotated[str, Meta(max_length=1024)] = ""
    limit: PageLimit = 100


class CommitList(Reply, frozen=True):
    items: list[CommitInfo]
    next: CommitId | None = None
    """Ask again with this as ``ref``."""


class ListCommits(Request[CommitList], OfBucket, to="versioning", frozen=True, kw_only=True):
    """Walk the history of ``ref`` along first parents, newest first, and show what fits."""

    ref: RefText = "main"
    path: FilePath | None = None
    """Only commits that changed this path."""
    author: Actor | None = None
    since: datetime | None = None
    """Not older."""
    until: datetime | None = None
    """Not newer."""
    message: Annotated[str, Meta(max_length=200)] = ""
    """Only those whose message contains this, whatever the case."""
    limit: PageLimit = 100


class CommitDetail(Reply, frozen=True):
    commit: CommitInfo
    changes: list[EntryChange]
    truncated: bool
    """There are more changes than were asked for."""


class GetCommit(Request[CommitDetail], OfBucket, to="versioning", frozen=True, kw_only=True):
    ref: RefText
    limit: PageLimit = 1000


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
