"""Grants: who may do what in a bucket, or below a prefix of it."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from msgspec import Meta

from libs.contracts.base import Done, Event, Reply, Request
from libs.contracts.storage.buckets import BucketInfo
from libs.contracts.values import Actor, BucketName, Principal

Role = Literal["reader", "writer", "owner"]
"""Each may what the one before may; an owner also decides on settings, grants and the end."""

GrantPrefix = Annotated[str, Meta(max_length=1024)]
"""Empty for the whole bucket, or whole segments with a ``/`` behind them: ``reports/2026/``.

It covers the paths that begin with these bytes, and no others.
"""

MOST_GRANTS = 256
"""How many grants a bucket has at most: they fit into one message. Groups make few do."""


class Grant(Reply, frozen=True, kw_only=True):
    """``principal`` has ``role`` below ``prefix``."""

    principal: Principal
    prefix: GrantPrefix = ""
    role: Role
    granted_at: datetime
    granted_by: Actor


class BucketPolicy(Reply, frozen=True):
    """All that decides who may do what in a bucket."""

    info: BucketInfo
    grants: list[Grant]
    """By prefix, then by principal."""


class GetBucketPolicy(Request[BucketPolicy], to="storage", frozen=True):
    name: BucketName


class SetGrant(Request[Grant], to="storage", frozen=True, kw_only=True):
    """Give ``principal`` this role below ``prefix``, in place of the one it had there."""

    bucket: BucketName
    principal: Principal
    prefix: GrantPrefix = ""
    role: Role
    actor: Actor
    may_leave_no_owner: bool = False


class RemoveGrant(Request[Done], to="storage", frozen=True, kw_only=True):
    """Take a grant back; ``grant-not-found`` when there is none."""

    bucket: BucketName
    principal: Principal
    prefix: GrantPrefix = ""
    actor: Actor
    may_leave_no_owner: bool = False


class GrantChanged(Event, frozen=True, type="grant.changed", key="bucket"):
    """Somebody may do more, less or nothing any more in a bucket."""

    bucket: BucketName
    bucket_id: UUID
    principal: Principal
    prefix: GrantPrefix
    role: Role | None
    """None: the grant was taken back."""
    actor: Actor
