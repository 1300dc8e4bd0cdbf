"""What buckets and principals use, and quotas."""

from litestar import delete, get, put
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody
from msgspec import Struct

from libs.blobs.encoding import choosing, compression
from libs.contracts.storage import (
    Amount,
    BucketUsage,
    GetBucketUsage,
    GetPrincipalUsage,
    ListPrincipalQuotas,
    PrincipalUsage,
    Quota,
    RemovePrincipalQuota,
    SetPrincipalQuota,
)
from services.gateway.edge.gate import needs
from services.gateway.edge.platform import Platform
from services.gateway.routes.given import Bucket, Cursor, Cursors, Limit, Page

TAGS = ["Usage"]
ONE = "/quotas/{principal:str}"
LIST = "quotas"

Principal = FromPath[str]


class Compressing(Struct, frozen=True, kw_only=True):
    """How new bytes are compressed, and what came of it so far."""

    setting: str
    level: int
    threshold: float
    """Compressed bytes are kept when they are at most this share of the original."""
    least_bytes: int
    """Smaller ones are left as they are."""
    ratio: float
    """Original bytes by stored bytes."""
    saved_bytes: int
    """Less than nothing where encryption adds more than compression spares."""


class Usage(Struct, frozen=True, kw_only=True):
    """What a bucket uses; sizes are those of the original bytes unless they are called stored.

    ``used_bytes`` is live, versions and trash together: what ``quota_bytes`` limits.
    """

    bucket: str
    used_bytes: int
    quota_bytes: int | None
    live: Amount
    versions: Amount
    trash: Amount
    held: Amount
    """Different bytes that the bucket holds, each counted once."""
    deduplicated_bytes: int
    """What it would take more if every state of a file had its own copy."""
    stored_bytes: int
    """What it takes in the store, compressed and encrypted."""
    compression: Compressing
    encryption: str


class NewQuota(Struct, frozen=True, forbid_unknown_fields=True):
    quota_bytes: Quota


@get(
    "/buckets/{bucket:str}/usage",
    summary="Usage of a bucket",
    tags=TAGS,
    opt=needs("read"),
)
async def get_usage(bucket: Bucket, platform: NamedDependency[Platform]) -> Usage:
    """Return what the bucket uses at this moment, from counters."""
    return _told(await platform.ask(GetBucketUsage(bucket=bucket)))


@get("/me/usage", summary="Your usage", tags=TAGS, opt=needs("key"))
async def get_my_usage(
    actor: NamedDependency[str], platform: NamedDependency[Platform]
) -> PrincipalUsage:
    """Return what you use in all buckets, and your quota."""
    return await platform.ask(GetPrincipalUsage(principal=actor))


@get("/quotas", summary="List quotas", tags=TAGS, opt=needs("admin"))
async def list_quotas(
    platform: NamedDependency[Platform],
    cursors: NamedDependency[Cursors],
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Page[PrincipalUsage]:
    """List who has a quota, and what they use."""
    after = cursors.open(LIST, cursor, str) or ""
    found = await platform.ask(ListPrincipalQuotas(start_after=after, limit=limit))
    return Page(found.items, cursors.seal(LIST, found.next))


@get(ONE, summary="Get a quota", tags=TAGS, opt=needs("admin"))
async def get_quota(principal: Principal, platform: NamedDependency[Platform]) -> PrincipalUsage:
    """Return what a principal (``key:<id>``, ``user:<name>``) uses and may use."""
    return await platform.ask(GetPrincipalUsage(principal=principal))


@put(ONE, summary="Set a quota", tags=TAGS, opt=needs("admin"))
async def set_quota(
    principal: Principal,
    data: JSONBody[NewQuota],
    actor: NamedDependency[str],
    platform: NamedDependency[Platform],
) -> PrincipalUsage:
    """Limit what a principal may use; below what it uses already, it only may add no more."""
    return await platform.ask(
        SetPrincipalQuota(principal=principal, quota_bytes=data.quota_bytes, actor=actor)
    )


@delete(ONE, summary="Remove a quota", tags=TAGS, opt=needs("admin"), status_code=204)
async def remove_quota(principal: Principal, platform: NamedDependency[Platform]) -> None:
    """Limit a principal no more."""
    await platform.ask(RemovePrincipalQuota(principal=principal))


def _told(usage: BucketUsage) -> Usage:
    return Usage(
        bucket=usage.bucket,
        used_bytes=usage.used_bytes,
        quota_bytes=usage.quota_bytes,
        live=usage.live,
        versions=usage.versions,
        trash=usage.trash,
        held=usage.held,
        deduplicated_bytes=usage.deduplicated_bytes,
        stored_bytes=usage.stored_bytes,
        compression=Compressing(
            setting=usage.compression,
            level=compression.LEVEL,
            threshold=choosing.WORTH_IT,
            least_bytes=choosing.LEAST_BYTES,
            ratio=usage.compression_ratio,
            saved_bytes=usage.compressed_bytes,
        ),
        encryption=usage.encryption,
    )


ROUTES = [get_usage, get_my_usage, list_quotas, get_quota, set_quota, remove_quota]
