"""Retention locks and legal holds of files and of their versions."""

from datetime import datetime
from typing import Annotated, Literal

from msgspec import Meta, Struct

from libs.contracts.base import Reply, Request
from libs.contracts.values import Actor, BucketName, FilePath, PageLimit, Revision

LockMode = Literal["governance", "compliance"]
"""``governance`` can be lifted by an owner who says so; ``compliance`` by nobody at all."""


class Retention(Struct, frozen=True, kw_only=True):
    """How new content of a bucket is locked as it comes."""

    mode: LockMode
    days: Annotated[int, Meta(ge=1, le=36_500)]


class FileLock(Reply, frozen=True):
    """What keeps one state of a file: until ``retain_until``, or while there is a hold.

    The present state can then not be deleted, replaced or moved, an older one not be purged.
    """

    path: FilePath
    revision: Revision
    mode: LockMode | None = None
    retain_until: datetime | None = None
    legal_hold: bool = False
    set_at: datetime | None = None
    """Absent when nobody ever locked it, or the lock was taken away."""
    set_by: Actor | None = None


class GetLock(Request[FileLock], to="storage", frozen=True):
    bucket: BucketName
    path: FilePath
    revision: Revision | None = None
    """None: the present state."""


class SetLock(Request[FileLock], to="storage", frozen=True):
    """Lock a state of a file in place of how it was locked; with nothing given, unlock it."""

    bucket: BucketName
    path: FilePath
    actor: Actor
    revision: Revision | None = None
    mode: LockMode | None = None
    retain_until: datetime | None = None
    legal_hold: bool = False
    as_owner: bool = False
    """Who asks may lift a hold and, saying so, a governance lock."""
    bypass_governance: bool = False


class FileLockList(Reply, frozen=True):
    items: list[FileLock]
    next: str | None = None
    """Ask again with this as ``start_after``."""


class ListLocks(Request[FileLockList], to="storage", frozen=True):
    """List what locks states of a bucket's files now, by path and revision."""

    bucket: BucketName
    prefix: Annotated[str, Meta(max_length=1024)] = ""
    start_after: Annotated[str, Meta(max_length=1100)] = ""
    limit: PageLimit = 100
