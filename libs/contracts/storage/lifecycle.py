"""Lifecycle: files that are deleted by rules when they are old enough."""

from datetime import datetime
from typing import Annotated

from msgspec import Meta, Struct, field

from libs.contracts.base import Reply, Request
from libs.contracts.values import BucketName, ByteCount, FilePath, Labels, PageLimit

MOST_RULES = 100

RuleId = Annotated[str, Meta(min_length=1, max_length=64)]


class LifecycleRule(Struct, frozen=True, kw_only=True):
    """Deletes files below ``prefix`` that have all ``tags`` when they are old enough.

    A file is as old as its present state: whatever changes it begins its time anew.
    """

    id: RuleId
    """Names the rule in previews and in the events of what it deletes."""
    expire_after_days: Annotated[int, Meta(ge=1, le=36_500)]
    prefix: Annotated[str, Meta(max_length=1024)] = ""
    tags: Labels = field(default_factory=dict)


class Expiry(Struct, frozen=True, kw_only=True):
    """What will become of a file: it is deleted soon after ``expires_at``."""

    path: FilePath
    size: ByteCount
    modified_at: datetime
    expires_at: datetime
    rule: RuleId
    """The first of those that would delete it."""
    locked_until: datetime | None = None
    """A retention lock keeps it until then at least."""
    legal_hold: bool = False
    """It stays until the hold is taken away."""


class ExpiryList(Reply, frozen=True):
    """A page of a preview; it may be short or empty and still have a ``next``."""

    items: list[Expiry]
    next: str | None = None
    """Ask again with this as ``start_after``."""


class PreviewLifecycle(Request[ExpiryList], to="storage", frozen=True):
    """Tell what the bucket's rules will delete, when, and which of them, in the order of paths."""

    bucket: BucketName
    start_after: Annotated[str, Meta(max_length=1024)] = ""
    limit: PageLimit = 100
