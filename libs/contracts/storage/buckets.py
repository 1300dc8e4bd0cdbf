"""Buckets."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from msgspec import UNSET, Meta, Struct, UnsetType, field

from libs.contracts.base import Done, Event, Reply, Request
from libs.contracts.progress import TaskAccepted
from libs.contracts.storage.checks import CheckDeadline, CheckNames
from libs.contracts.storage.lifecycle import MOST_RULES, LifecycleRule
from libs.contracts.storage.locks import Retention
from libs.contracts.values import (
    Actor,
    BucketName,
    PageLimit,
    Principal,
    Versioning,
)

Compression = Literal["off", "auto", "zstd"]
"""``auto`` compresses where the content type and a probe say that it pays, ``zstd`` always."""

Encryption = Literal["off", "aes-256-gcm"]
Quota = Annotated[int, Meta(ge=0, le=2**63 - 1)]
TrashSeconds = Annotated[int, Meta(ge=0, le=3650 * 86_400)]
Rules = Annotated[list[LifecycleRule], Meta(max_length=MOST_RULES)]


class BucketSettings(Struct, frozen=True, kw_only=True):
    """What a bucket's owner decides about it; every setting has a default and can be changed."""

    quota_bytes: Quota | None = None
    """How many bytes files and versions together may have; None: no limit."""
    compression: Compression = "off"
    """How new bytes are stored; those that are stored already stay as they are."""
    encryption: Encryption = "off"
    public_read: bool = False
    """Whether everyone may read files and lists, without a key."""
    trash_s: TrashSeconds = 0
    """How long deleted files stay in the trash; 0: there is none."""
    lifecycle: Rules = field(default_factory=list)
    """Delete files when they are old enough."""
    retention: Retention | None = None
    """Locks new content as it comes; None: what is not locked by itself is not locked."""
    checks: CheckNames = field(default_factory=list)
    """What new content has to pass before it is visible; none: it is visible at once."""
    check_deadline_s: CheckDeadline = 3600
    """What has not passed its checks by then is refused."""
    protected: bool = False
    """Whether files change by merges into ``main`` only; set where branches are protected."""


class BucketSettingsChange(Struct, frozen=True, kw_only=True):
    """The settings to change; what is absent stays."""

    quota_bytes: Quota | UnsetType | None = UNSET
    compression: Compression | UnsetType = UNSET
    encryption: Encryption | UnsetType = UNSET
    public_read: bool | UnsetType = UNSET
    trash_s: TrashSeconds | UnsetType = UNSET
    lifecycle: Rules | UnsetType = UNSET
    retention: Retention | UnsetType | None = UNSET
    checks: CheckNames | UnsetType = UNSET
    check_deadline_s: CheckDeadline | UnsetType = UNSET
    protected: bool | UnsetType = UNSET


class BucketInfo(Reply, BucketSettings, frozen=True):
    """A bucket as its users see it."""

    bucket_id: UUID
    name: BucketName
    versioning: Versioning
    created_at: datetime
    created_by: Actor


class BucketList(Reply, frozen=True):
    items: list[BucketInfo]
    next: str | None = None
    """Ask again with this as ``start_after``."""


class CreateBucket(Request[BucketInfo], BucketSettings, to="storage", frozen=True):
    name: BucketName
    actor: Actor
    versioning: Versioning = "auto"
    owned_by: Principal | None = None
    """The principal that becomes the bucket's owner; None: nobody but who may do everything."""


class GetBucket(Request[BucketInfo], to="storage", frozen=True):
    name: BucketName


class ListBuckets(Request[BucketList], to="storage", frozen=True):
    start_after: str = ""
    limit: PageLimit = 100
    visible_to: list[Principal] | None = None
    """Only what one of these principals has a grant in, and what is public; None: all."""


class UpdateBucket(Request[BucketInfo], BucketSettingsChange, to="storage", frozen=True):
    name: BucketName
    actor: Actor
    versioning: Versioning | UnsetType = UNSET


class DeleteBucket(Request[Done], to="storage", frozen=True):
    """Remove an empty bucket; one with files refuses with ``bucket-not-empty``."""

    name: BucketName
    actor: Actor


class EmptyAndDeleteBucket(Request[TaskAccepted], to="storage", frozen=True):
    """Remove a bucket with all its files, as a task."""

    name: BucketName
    actor: Actor


class BucketMark(Reply, frozen=True):
    mark_id: UUID


class MarkBucket(Request[BucketMark], to="storage", frozen=True):
    """Announce ``bucket.marked`` behind every change of the bucket made until now."""

    name: BucketName


class BucketCreated(Event, frozen=True, type="bucket.created", key="bucket"):
    """A bucket can be written to."""

    bucket: BucketName
    bucket_id: UUID
    versioning: Versioning
    actor: Actor


class BucketUpdated(Event, frozen=True, type="bucket.updated", key="bucket"):
    """A bucket's settings changed."""

    bucket: BucketName
    bucket_id: UUID
    versioning: Versioning
    actor: Actor
    settings: BucketSettings = field(default_factory=BucketSettings)


class BucketRestored(Event, frozen=True, type="bucket.restored", key="bucket"):
    """A deleted bucket is there again, without files yet; its history is its own again."""

    bucket: BucketName
    bucket_id: UUID
    versioning: Versioning
    actor: Actor


class DeletedBucket(Struct, frozen=True, kw_only=True):
    """A bucket that can still be brought back."""

    bucket_id: UUID
    name: BucketName
    versioning: Versioning
    closed_at: datetime
    """When it took changes for the last time: what it held then is in its history."""
    deleted_at: datetime
    gone_at: datetime
    """From then on its bytes may be deleted."""


class DeletedBucketList(Reply, frozen=True):
    items: list[DeletedBucket]


class ListDeletedBuckets(Request[DeletedBucketList], to="storage", frozen=True, kw_only=True):
    """List what can be brought back, the last deleted first."""

    visible_to: list[Principal] | None = None
    """Only what one of these principals owned; None: all."""


class RestoredBucket(Reply, frozen=True):
    bucket: BucketInfo
    closed_at: datetime


class RestoreBucket(Request[RestoredBucket], to="storage", frozen=True, kw_only=True):
    """Bring a deleted bucket back within its grace, empty: its files come from its history.

    ``bucket-exists`` when the name is taken; ``deleted-bucket-not-found`` after the grace. Asked
    again, it is answered the same: the bucket is there.
    """

    bucket_id: UUID
    actor: Actor
    visible_to: list[Principal] | None = None
    """Only if one of these principals owned it; None: always."""


class BucketDeleted(Event, frozen=True, type="bucket.deleted", key="bucket"):
    """A bucket and all its files are gone; its name may be taken again."""

    bucket: BucketName
    bucket_id: UUID
    actor: Actor


class BucketMarked(Event, frozen=True, type="bucket.marked", key="bucket"):
    """Every change of the bucket made before the mark was asked for has been announced."""

    bucket: BucketName
    bucket_id: UUID
    mark_id: UUID
