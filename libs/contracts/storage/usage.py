"""What buckets and principals use, and how much they may."""

from datetime import datetime

from msgspec import Struct

from libs.contracts.base import Done, Reply, Request
from libs.contracts.storage.buckets import Compression, Encryption, Quota
from libs.contracts.values import Actor, BucketName


class Amount(Struct, frozen=True, kw_only=True):
    """So many of something, with so many bytes in all."""

    number: int = 0
    bytes: int = 0


class BucketUsage(Reply, frozen=True):
    """What a bucket uses, from counters; sizes are those of the original bytes.

    A state of a file is live, in the trash, or a version, and counts with its whole size. What a
    move takes along is no version, nor is a state whose bytes the next one has, too.
    """

    bucket: BucketName
    live: Amount
    versions: Amount
    trash: Amount
    used_bytes: int
    """Live, versions and trash together: what the quota limits."""
    quota_bytes: int | None
    held: Amount
    """Different bytes that the bucket holds, each counted once."""
    stored_bytes: int
    """What those take in the store, compressed and encrypted."""
    deduplicated_bytes: int
    """What the bucket would take more if every state had its own copy."""
    compressed_bytes: int
    """What compression spares; less than nothing where encryption adds more."""
    compression_ratio: float
    """Original bytes by stored bytes."""
    compression: Compression
    encryption: Encryption


class GetBucketUsage(Request[BucketUsage], to="storage", frozen=True):
    bucket: BucketName


class StorageUsage(Reply, frozen=True):
    """What all buckets use together, from the same counters."""

    buckets: int
    live: Amount
    versions: Amount
    trash: Amount
    held: Amount
    """Different bytes of each bucket; what two buckets hold is in it twice, and stored once."""
    stored_bytes: int
    """What those take in the store, compressed and encrypted."""


class GetStorageUsage(Request[StorageUsage], to="storage", frozen=True):
    """Tell what all buckets use together."""


class PrincipalUsage(Reply, frozen=True):
    """What somebody uses in all buckets: states that they made, live, in the trash or versions."""

    principal: Actor
    used_bytes: int
    quota_bytes: int | None = None
    set_at: datetime | None = None
    set_by: Actor | None = None


class GetPrincipalUsage(Request[PrincipalUsage], to="storage", frozen=True):
    principal: Actor


class SetPrincipalQuota(Request[PrincipalUsage], to="storage", frozen=True):
    """Limit what a principal may use; below what it uses already, it only may add no more."""

    principal: Actor
    quota_bytes: Quota
    actor: Actor


class RemovePrincipalQuota(Request[Done], to="storage", frozen=True):
    """Limit a principal no more; one that has no quota is fine, too."""

    principal: Actor


class PrincipalQuotaList(Reply, frozen=True):
    items: list[PrincipalUsage]
    next: str | None = None
    """Ask again with this as ``start_after``."""


class ListPrincipalQuotas(Request[PrincipalQuotaList], to="storage", frozen=True):
    """List who has a quota."""

    start_after: str = ""
    limit: int = 100
