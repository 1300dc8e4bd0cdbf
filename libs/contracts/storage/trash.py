"""The trash: deleted files for as long as their bucket keeps them."""

from datetime import datetime
from typing import Annotated

from msgspec import Meta, Struct

from libs.contracts.base import Reply, Request
from libs.contracts.storage.changes import FileChange
from libs.contracts.values import (
    Actor,
    BucketName,
    ByteCount,
    ContentType,
    FilePath,
    Labels,
    Message,
    PageLimit,
    Revision,
    Sha256,
)

Prefix = Annotated[str, Meta(max_length=1024)]
Paths = Annotated[list[FilePath], Meta(min_length=1, max_length=10_000)]


class TrashedFile(Struct, frozen=True, kw_only=True):
    """A deleted file as it was."""

    path: FilePath
    revision: Revision
    """The state that was deleted; a path may be in the trash more than once."""
    sha256: Sha256
    size: ByteCount
    content_type: ContentType
    metadata: Labels
    tags: Labels
    modified_at: datetime
    modified_by: Actor
    deleted_at: datetime
    deleted_by: Actor
    kept_until: datetime


class TrashList(Reply, frozen=True):
    items: list[TrashedFile]
    next: str | None = None
    """Ask again with this as ``start_after``."""


class ListTrash(Request[TrashList], to="storage", frozen=True):
    """List what is in the trash by path, the newest state of a path first."""

    bucket: BucketName
    prefix: Prefix = ""
    start_after: Annotated[str, Meta(max_length=1100)] = ""
    limit: PageLimit = 100


class TrashRestored(Reply, frozen=True):
    restored: int
    changed: list[FileChange]
    """The first thousand paths."""


class RestoreTrash(Request[TrashRestored], to="storage", frozen=True):
    """Bring deleted files back, each as it was when it was deleted last; all of them or none.

    Either ``paths`` or ``prefix`` chooses; an empty prefix means everything.
    """

    bucket: BucketName
    actor: Actor
    paths: Paths | None = None
    prefix: Prefix | None = None
    into: Prefix = ""
    """Put in front of every path."""
    overwrite: bool = False
    """Else a file that is there by now refuses all."""
    message: Message = ""


class TrashEmptied(Reply, frozen=True):
    """How much left the trash; versions of it stay where history keeps them."""

    files: int
    bytes: ByteCount


class EmptyTrash(Request[TrashEmptied], to="storage", frozen=True):
    """Forget one path, or all below a prefix; what is locked refuses all."""

    bucket: BucketName
    actor: Actor
    path: FilePath | None = None
    prefix: Prefix | None = None
