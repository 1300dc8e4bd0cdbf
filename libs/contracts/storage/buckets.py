"""Buckets."""

from datetime import datetime
from uuid import UUID

from msgspec import UNSET, UnsetType

from libs.contracts.base import Done, Event, Reply, Request
from libs.contracts.progress import TaskAccepted
from libs.contracts.values import (
    Actor,
    BucketName,
    PageLimit,
    Versioning,
)


class BucketInfo(Reply, frozen=True):
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


class CreateBucket(Request[BucketInfo], to="storage", frozen=True):
    name: BucketName
    actor: Actor
    versioning: Versioning = "auto"


class GetBucket(Request[BucketInfo], to="storage", frozen=True):
    name: BucketName


class ListBuckets(Request[BucketList], to="storage", frozen=True):
    start_after: str = ""
    limit: PageLimit = 100


class UpdateBucket(Request[BucketInfo], to="storage", frozen=True):
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
