"""Usage and quotas: what buckets and principals use and may use."""

from collections.abc import Mapping

from libs.chassis.database import Database
from libs.chassis.rpc import serves
from libs.contracts.base import Done
from libs.contracts.paths import check_search_text
from libs.contracts.storage import (
    Amount,
    BucketUsage,
    GetBucketUsage,
    GetPrincipalUsage,
    GetStorageUsage,
    ListPrincipalQuotas,
    PrincipalQuotaList,
    PrincipalUsage,
    RemovePrincipalQuota,
    SetPrincipalQuota,
    StorageUsage,
)
from services.storage.domain.buckets import Bucket
from services.storage.repository import buckets as bucket_rows
from services.storage.repository import usage

NOTHING = Amount()


@serves(GetBucketUsage)
async def get_bucket_usage(request: GetBucketUsage, db: Database) -> BucketUsage:
    async with db.connection() as conn:
        bucket = await bucket_rows.get_bucket(conn, request.bucket)
        totals = await usage.get_totals(conn, bucket.bucket_id)
    return _told(bucket, totals)


@serves(GetStorageUsage)
async def get_storage_usage(request: GetStorageUsage, db: Database) -> StorageUsage:
    async with db.connection() as conn:
        buckets, totals = await usage.get_totals_of_all(conn)
    return StorageUsage(
        buckets=buckets,
        live=totals.get("live", NOTHING),
        versions=totals.get("version", NOTHING),
        trash=totals.get("trash", NOTHING),
        held=totals.get("held", NOTHING),
        stored_bytes=totals.get("stored", NOTHING).bytes,
    )


@serves(GetPrincipalUsage)
async def get_principal_usage(request: GetPrincipalUsage, db: Database) -> PrincipalUsage:
    check_search_text(request.principal, "principal")
    async with db.connection() as conn:
        return await usage.get_of_principal(conn, request.principal)


@serves(SetPrincipalQuota)
async def set_principal_quota(request: SetPrincipalQuota, db: Database) -> PrincipalUsage:
    check_search_text(request.principal, "principal")
    async with db.transaction() as tx:
        await usage.upsert_quota(tx, request.principal, request.quota_bytes, request.actor)
        return await usage.get_of_principal(tx, request.principal)


@serves(RemovePrincipalQuota)
async def remove_principal_quota(request: RemovePrincipalQuota, db: Database) -> Done:
    check_search_text(request.principal, "principal")
    async with db.connection() as conn:
        await usage.delete_quota(conn, request.principal)
    return Done()


@serves(ListPrincipalQuotas)
async def list_principal_quotas(request: ListPrincipalQuotas, db: Database) -> PrincipalQuotaList:
    check_search_text(request.start_after, "start_after")
    async with db.connection() as conn:
        found = await usage.list_quotas(
            conn, start_after=request.start_after, limit=request.limit + 1
        )
    shown = found[: request.limit]
    return PrincipalQuotaList(
        items=shown, next=shown[-1].principal if len(found) > len(shown) else None
    )


def _told(bucket: Bucket, totals: Mapping[str, Amount]) -> BucketUsage:
    live, versions, trash, held, stored = (
        totals.get(what, NOTHING) for what in ("live", "version", "trash", "held", "stored")
    )
    used = live.bytes + versions.bytes + trash.bytes
    return BucketUsage(
        bucket=bucket.name,
        live=live,
        versions=versions,
        trash=trash,
        used_bytes=used,
        quota_bytes=bucket.settings.quota_bytes,
        held=held,
        stored_bytes=stored.bytes,
        deduplicated_bytes=max(0, used - held.bytes),
        compressed_bytes=held.bytes - stored.bytes,
        compression_ratio=round(held.bytes / stored.bytes, 3) if stored.bytes else 1.0,
        compression=bucket.settings.compression,
        encryption=bucket.settings.encryption,
    )
