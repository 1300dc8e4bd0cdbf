"""Bringing what was done on one branch to another."""

from typing import Literal

from msgspec import Struct, field

from libs.contracts.base import Reply, Request
from libs.contracts.values import (
    Actor,
    CommitId,
    ContentType,
    FilePath,
    Labels,
    Message,
    Sha256,
)
from libs.contracts.versioning.words import (
    BranchName,
    CommitInfo,
    EntryChange,
    FileState,
    OfBucket,
    RefText,
)


class Conflict(Struct, frozen=True, kw_only=True):
    """A path that both sides changed, differently; None: there is no file."""

    path: FilePath
    base: FileState | None
    ours: FileState | None
    """On the branch that is merged into."""
    theirs: FileState | None
    """At what is merged."""


class Content(Struct, frozen=True, kw_only=True):
    """A resolution by content; without ``sha256`` the path is removed.

    The bucket has to have the bytes already, of a file or held.
    """

    sha256: Sha256 | None = None
    content_type: ContentType = "application/octet-stream"
    metadata: Labels = field(default_factory=dict)
    tags: Labels = field(default_factory=dict)


Side = Literal["ours", "theirs"]
Resolution = Side | Content


class Merged(Reply, frozen=True):
    """What a merge did, or with ``dry_run`` would do."""

    base: CommitId | None
    """The newest commit that both have; None: they have none in common."""
    source: CommitId
    """What was merged."""
    commit: CommitInfo | None
    """The new commit; None: everything was there already, or this was a dry run."""
    changed: int
    """Paths of the branch that become different."""
    changes: list[EntryChange]
    """The first 100 of them."""
    conflicts: list[Conflict]
    """Those that no resolution was given for, up to 1,000; only a dry run answers with any."""
    conflicts_total: int = 0


class Merge(Request[Merged], OfBucket, to="versioning", frozen=True, kw_only=True):
    """Merge three-way, per path, all or nothing.

    ``merge-conflict`` (409) carries ``conflicts`` and ``conflicts_total`` as ``Merged`` has them.
    A merge into ``main`` is applied by storage in one transaction; if the branch moved meanwhile,
    it is tried again.
    """

    source: RefText
    into: BranchName = "main"
    actor: Actor
    message: Message = ""
    metadata: Labels = field(default_factory=dict)
    resolutions: dict[FilePath, Resolution] = field(default_factory=dict)
    otherwise: Side | None = None
    """How to resolve conflicts that have no resolution of their own; None: refuse."""
    squash: bool = False
    """The commit gets one parent only: what was merged does not become part of the history."""
    dry_run: bool = False
    expect_head: CommitId | None = None
