"""Deleted buckets: for a while they can be brought back, with their files."""

from uuid import UUID

from litestar import get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from msgspec import Struct

from libs.contracts.problems import AnsweredWithProblem
from libs.contracts.storage import (
    BucketInfo,
    DeletedBucketList,
    ListDeletedBuckets,
    ListFiles,
    RestoreBucket,
    RestoredBucket,
)
from libs.contracts.values import CommitId
from libs.contracts.versioning import Restore
from services.gateway.edge.access import Access
from services.gateway.edge.gate import needs
from services.gateway.edge.known_buckets import KnownBuckets
from services.gateway.edge.platform import Platform

TAGS = ["Buckets"]

BucketId = FromPath[UUID]

RESTORED_WITHIN_S = 60.0
NEVER_HAD_FILES = frozenset({"ref-not-found"})
"""What history says when there was no commit yet."""

NO_HISTORY = "The bucket kept no versions: its settings and its trash are back, its files are not."


class Undeleted(Struct, frozen=True, kw_only=True):
    """A bucket that is there again."""

    bucket: BucketInfo
    files: int
    """How many files came back."""
    commit_id: CommitId | None = None
    """The commit that brought them back."""
    detail: str = ""
    """Why files did not come back, if they did not."""


@get("/deleted-buckets", summary="List deleted buckets", tags=TAGS, opt=needs("read"))
async def list_deleted_buckets(
    platform: NamedDependency[Platform], access: NamedDependency[Access]
) -> DeletedBucketList:
    """List the buckets of the caller that can be brought back, the last deleted first."""
    return await platform.ask(ListDeletedBuckets(visible_to=access.sees_buckets_of))


@post(
    "/deleted-buckets/{bucket_id:uuid}/restore",
    summary="Bring a bucket back",
    tags=TAGS,
    opt=needs("write"),
    status_code=200,
)
async def restore_deleted_bucket(
    bucket_id: BucketId,
    actor: NamedDependency[str],
    access: NamedDependency[Access],
    platform: NamedDependency[Platform],
    buckets: NamedDependency[KnownBuckets],
) -> Undeleted:
    """Bring back a bucket with its settings, grants and history, and its files as they were.

    Owners of the bucket may, until `gone_at`. 409 `bucket-exists` when the name is taken. Asked
    again after a failure, it goes on; files that came back are left alone. A bucket that kept no
    versions comes back without files, and `detail` says so.
    """
    asked = RestoreBucket(bucket_id=bucket_id, actor=actor, visible_to=access.sees_buckets_of)
    found = await platform.ask(asked)
    buckets.forget(found.bucket.name)
    if found.bucket.versioning == "off":
        return Undeleted(bucket=found.bucket, files=0, detail=NO_HISTORY)
    if (await platform.ask(ListFiles(bucket=found.bucket.name, limit=1))).items:
        return Undeleted(bucket=found.bucket, files=0, detail="The bucket has files already.")
    return await _bring_files_back(platform, found, actor)


async def _bring_files_back(platform: Platform, found: RestoredBucket, actor: str) -> Undeleted:
    """Restore all files as they were when the bucket closed."""
    restore = Restore(
        bucket=found.bucket.name,
        to=f"@{found.closed_at.isoformat()}",
        actor=actor,
        message="bring the bucket back",
        also_protected=True,
    )
    try:
        done = await platform.ask(restore, timeout_s=RESTORED_WITHIN_S)
    except AnsweredWithProblem as problem:
        if problem.named not in NEVER_HAD_FILES:
            raise
        return Undeleted(bucket=found.bucket, files=0)
    return Undeleted(bucket=found.bucket, files=done.changed, commit_id=done.commit_id)


ROUTES = [list_deleted_buckets, restore_deleted_bucket]
