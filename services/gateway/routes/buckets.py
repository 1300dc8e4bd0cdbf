"""Buckets."""

from typing import Annotated

from litestar import Response, delete, get, patch, post
from litestar.di import NamedDependency
from litestar.openapi import ResponseSpec
from litestar.params import JSONBody, QueryParameter
from msgspec import UNSET, Meta, UnsetType, field
from msgspec.structs import asdict

from libs.contracts.storage import (
    MOST_RULES,
    BucketInfo,
    BucketSettings,
    BucketSettingsChange,
    CreateBucket,
    DeleteBucket,
    EmptyAndDeleteBucket,
    GetBucket,
    LifecycleRule,
    ListBuckets,
    Retention,
    UpdateBucket,
)
from libs.contracts.values import BucketName, Versioning
from services.gateway.domain.failures import InvalidInput
from services.gateway.edge.access import Access
from services.gateway.edge.gate import needs
from services.gateway.edge.known_buckets import KnownBuckets
from services.gateway.edge.platform import Platform
from services.gateway.routes.accepted import Accepted, accepted
from services.gateway.routes.given import PREFIX, Bucket, Cursor, Cursors, Limit, Page

TAGS = ["Buckets"]
LIST = "buckets"


class Rule(LifecycleRule, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Deletes files below ``prefix`` that have all ``tags`` when they are old enough."""


class DefaultRetention(Retention, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How new content is locked as it comes."""


Rules = Annotated[list[Rule], Meta(max_length=MOST_RULES)]
"""A word that a rule does not know must not make it mean more files than it says."""


class NewBucket(BucketSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    name: BucketName
    versioning: Versioning = "auto"
    lifecycle: Rules = field(default_factory=list)  # type: ignore[assignment]
    retention: DefaultRetention | None = None


class BucketChange(BucketSettingsChange, frozen=True, kw_only=True, forbid_unknown_fields=True):
    versioning: Versioning | UnsetType = UNSET
    lifecycle: Rules | UnsetType = UNSET  # type: ignore[assignment]
    retention: DefaultRetention | UnsetType | None = UNSET


@post("/buckets", summary="Create a bucket", tags=TAGS, opt=needs("write"))
async def create_bucket(
    data: JSONBody[NewBucket],
    actor: NamedDependency[str],
    platform: NamedDependency[Platform],
    buckets: NamedDependency[KnownBuckets],
) -> Response[BucketInfo]:
    """Answer 201 with the bucket, which the caller owns, or 409 when its name is taken."""
    _check_protection_is_not_said(data.protected or UNSET)
    info = await platform.ask(CreateBucket(actor=actor, owned_by=actor, **asdict(data)))
    buckets.forget(info.name)  # somebody else may have had the name
    return Response(info, headers={"Location": f"{PREFIX}/buckets/{info.name}"})


@get("/buckets", summary="List buckets", tags=TAGS, opt=needs("read"))
async def list_buckets(
    platform: NamedDependency[Platform],
    access: NamedDependency[Access],
    cursors: NamedDependency[Cursors],
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Page[BucketInfo]:
    """List by name the buckets that the caller may see something of."""
    after = cursors.open(LIST, cursor, str) or ""
    found = await platform.ask(
        ListBuckets(start_after=after, limit=limit, visible_to=access.sees_buckets_of)
    )
    return Page(found.items, cursors.seal(LIST, found.next))


@get(
    "/buckets/{bucket:str}",
    summary="Get a bucket",
    tags=TAGS,
    opt=needs("read", at="somewhere"),
)
async def get_bucket(bucket: Bucket, platform: NamedDependency[Platform]) -> BucketInfo:
    """Return the bucket's settings."""
    return await platform.ask(GetBucket(name=bucket))


@patch(
    "/buckets/{bucket:str}",
    summary="Change a bucket",
    tags=TAGS,
    opt=needs("write", role="owner"),
)
async def update_bucket(
    bucket: Bucket,
    data: JSONBody[BucketChange],
    actor: NamedDependency[str],
    platform: NamedDependency[Platform],
    buckets: NamedDependency[KnownBuckets],
) -> BucketInfo:
    """Change the settings that are given; the others stay."""
    _check_protection_is_not_said(data.protected)
    info = await platform.ask(UpdateBucket(name=bucket, actor=actor, **asdict(data)))
    buckets.forget(bucket)
    return info


@delete(
    "/buckets/{bucket:str}",
    summary="Delete a bucket",
    tags=TAGS,
    opt=needs("write", role="owner"),
    status_code=202,
    responses={204: ResponseSpec(None, description="The bucket is deleted.")},
)
async def delete_bucket(
    bucket: Bucket,
    actor: NamedDependency[str],
    platform: NamedDependency[Platform],
    buckets: NamedDependency[KnownBuckets],
    force: Annotated[bool, QueryParameter(description="Delete its files too, as a task.")] = False,
) -> Response[Accepted | None]:
    """Answer 204 for an empty bucket and 409 for another; with ``force`` 202 with the task."""
    if not force:
        await platform.ask(DeleteBucket(name=bucket, actor=actor))
        buckets.forget(bucket)
        return Response(None, status_code=204)
    return await accepted(platform, EmptyAndDeleteBucket(name=bucket, actor=actor))


def _check_protection_is_not_said(protected: bool | UnsetType) -> None:
    """Raise where a bucket's protection is given: that of its branch ``main`` says it."""
    if protected is not UNSET:
        raise InvalidInput("protect the branch main of the bucket", field="protected")


ROUTES = [create_bucket, list_buckets, get_bucket, update_bucket, delete_bucket]
