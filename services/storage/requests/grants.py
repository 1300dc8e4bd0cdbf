"""Grants: telling all that decides about a bucket, giving and taking back."""

from libs.chassis import outbox
from libs.chassis.database import Connection, Database
from libs.chassis.rpc import serves
from libs.contracts.base import Done
from libs.contracts.storage import (
    BucketPolicy,
    GetBucketPolicy,
    Grant,
    GrantChanged,
    RemoveGrant,
    Role,
    SetGrant,
)
from services.storage.domain.buckets import Bucket
from services.storage.domain.grants import check_owner_stays, check_prefix, check_room
from services.storage.repository import buckets, grants


@serves(GetBucketPolicy)
async def get_bucket_policy(request: GetBucketPolicy, db: Database) -> BucketPolicy:
    async with db.connection() as conn:
        bucket, found = await grants.get_policy(conn, request.name)
    return BucketPolicy(info=bucket.info(), grants=found)


@serves(SetGrant)
async def set_grant(request: SetGrant, db: Database) -> Grant:
    """Give a role; what is so already stays as it is, and announces nothing."""
    check_prefix(request.prefix)
    async with db.transaction() as tx:
        bucket = await buckets.get_open_for_change(tx, request.bucket)
        known = await grants.list_grants(tx, bucket.bucket_id)
        for grant in known:
            if _said(grant) == _said(request):
                return grant
        check_room(known, request.principal, request.prefix)
        if not request.may_leave_no_owner:
            check_owner_stays(known, request.principal, request.prefix, role=request.role)
        return await give(
            tx,
            bucket,
            request.principal,
            request.role,
            prefix=request.prefix,
            actor=request.actor,
        )


@serves(RemoveGrant)
async def remove_grant(request: RemoveGrant, db: Database) -> Done:
    check_prefix(request.prefix)
    async with db.transaction() as tx:
        bucket = await buckets.get_open_for_change(tx, request.bucket)
        known = await grants.list_grants(tx, bucket.bucket_id)
        if not request.may_leave_no_owner:
            check_owner_stays(known, request.principal, request.prefix, role=None)
        await grants.delete_grant(
            tx, bucket.bucket_id, principal=request.principal, prefix=request.prefix
        )
        await _announce(tx, bucket, request.principal, request.prefix, None, request.actor)
    return Done()


async def give(
    tx: Connection, bucket: Bucket, principal: str, role: Role, *, actor: str, prefix: str = ""
) -> Grant:
    """Give a role and announce it, in the caller's transaction, who has the bucket locked."""
    grant = await grants.upsert_grant(
        tx, bucket.bucket_id, principal=principal, prefix=prefix, role=role, actor=actor
    )
    await _announce(tx, bucket, principal, prefix, role, actor)
    return grant


async def _announce(
    tx: Connection, bucket: Bucket, principal: str, prefix: str, role: Role | None, actor: str
) -> None:
    await outbox.add(
        tx,
        GrantChanged(
            bucket=bucket.name,
            bucket_id=bucket.bucket_id,
            principal=principal,
            prefix=prefix,
            role=role,
            actor=actor,
        ),
    )


def _said(grant: Grant | SetGrant) -> tuple[str, str, Role]:
    return grant.principal, grant.prefix, grant.role
