"""Which past states of files are kept, and for how long."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from msgspec import Meta, Struct

from libs.contracts.base import Event, Reply, Request
from libs.contracts.values import (
    Actor,
    BucketName,
    ByteCount,
    FilePath,
    PageLimit,
    Revision,
    Sha256,
)
from libs.contracts.versioning.words import (
    OfBucket,
    Prefix,
)


class RetentionPolicy(Struct, frozen=True, kw_only=True):
    """A past state of ``main`` is kept while one of these wants it; None wants nothing.

    Nothing is ever expired by a policy without ``keep_last`` and ``keep_days``. Present states, and
    those that a branch or a tag can reach, are always kept (``keep_tagged`` off: tags do not).
    """

    keep_last: Annotated[int, Meta(ge=1, le=1_000_000)] | None = None
    """The newest states of each path."""
    keep_days: Annotated[int, Meta(ge=0, le=36_500)] | None = None
    """States that were the present one at most so many days ago."""
    keep_tagged: bool = True
    """States that a tag can reach."""


class Retention(Reply, frozen=True):
    policy: RetentionPolicy | None
    expired: int
    """States whose content was given up so far, by the policy or by purging."""
    expired_bytes: ByteCount
    ran_at: datetime | None
    """When the policy was last applied in full."""


class GetRetention(Request[Retention], OfBucket, to="versioning", frozen=True, kw_only=True):
    """Return the policy of a bucket; None: all states are kept for ever."""


class SetRetention(Request[Retention], OfBucket, to="versioning", frozen=True, kw_only=True):
    policy: RetentionPolicy | None
    actor: Actor


class Expiring(Struct, frozen=True, kw_only=True):
    path: FilePath
    version: Revision
    sha256: Sha256
    size: ByteCount
    created_at: datetime
    expires: bool
    reason: str
    """Why it would be given up, or why it is kept."""


class RetentionPreview(Reply, frozen=True):
    items: list[Expiring]
    next: str | None = None


class PreviewRetention(
    Request[RetentionPreview], OfBucket, to="versioning", frozen=True, kw_only=True
):
    """Tell state by state what a policy would do, by path and newest first; nothing is changed."""

    policy: RetentionPolicy | None = None
    """None: the bucket's own."""
    prefix: Prefix = ""
    cursor: str = ""
    limit: PageLimit = 100
    kept: bool = False
    """List what is kept, too."""


class Purged(Reply, frozen=True):
    versions: int
    bytes: ByteCount
    locked: int = 0
    """States that storage's locks keep."""
    next: str | None = None
    """Ask again with this as ``cursor``: there is more."""


class PurgeVersions(Request[Purged], OfBucket, to="versioning", frozen=True, kw_only=True):
    """Give up the content of all past states of a path, or below a prefix, whatever the policy.

    Present states stay, on every branch; so does the history, which still names what was there.
    """

    actor: Actor
    path: FilePath | None = None
    prefix: Prefix | None = None
    dry_run: bool = False
    cursor: str = ""


class VersionsExpired(Event, frozen=True, type="version.expired", key="bucket"):
    """History does not need these bytes any more; something else may."""

    bucket: BucketName
    bucket_id: UUID
    digests: list[Sha256]
    """Up to 1,000, each once."""
