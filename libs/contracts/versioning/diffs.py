"""What differs between two states of a bucket."""

from datetime import datetime
from typing import Literal

from msgspec import Struct

from libs.contracts.base import Reply, Request
from libs.contracts.values import (
    Actor,
    ByteCount,
    CommitId,
    FilePath,
    Message,
    PageLimit,
    Sha256,
)
from libs.contracts.versioning.words import (
    FileState,
    OfBucket,
    Prefix,
    RefText,
)

Kind = Literal["added", "removed", "changed", "moved"]


class PathDifference(Struct, frozen=True, kw_only=True):
    kind: Kind
    path: FilePath
    """Where it is after; where it was, when it was removed."""
    before: FileState | None = None
    after: FileState | None = None
    moved_from: FilePath | None = None
    described: bool = False
    """The bytes are the same; what is known of them (type, metadata, tags) changed."""


class Diff(Reply, frozen=True):
    source: CommitId | None
    target: CommitId | None
    items: list[PathDifference]
    """By path, in byte order; a moved file stands where it is after."""
    next: str | None = None
    """Ask again with this as ``start_after``."""


class GetDiff(Request[Diff], OfBucket, to="versioning", frozen=True, kw_only=True):
    """Compare two refs; ``now`` is what storage has at this moment."""

    source: RefText
    target: RefText = "now"
    staged: bool = False
    """Where ``target`` is a branch: with what is staged on it."""
    prefix: Prefix = ""
    start_after: str = ""
    limit: PageLimit = 100


class Touch(Struct, frozen=True, kw_only=True):
    """A file, and the commit that changed it last."""

    path: FilePath
    sha256: Sha256
    size: ByteCount
    commit_id: CommitId | None
    """None: the commit is not recorded yet, or the file came with a tree from elsewhere."""
    author: Actor | None = None
    message: Message = ""
    committed_at: datetime | None = None


class Blame(Reply, frozen=True):
    commit_id: CommitId
    items: list[Touch]
    next: str | None = None


class GetBlame(Request[Blame], OfBucket, to="versioning", frozen=True, kw_only=True):
    """Tell of every path of a tree which commit touched it last."""

    ref: RefText = "main"
    prefix: Prefix = ""
    start_after: str = ""
    limit: PageLimit = 100
