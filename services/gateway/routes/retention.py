"""Retention: which past states of files keep their content, and giving some up at once."""

from typing import Annotated

from litestar import get, post, put
from litestar.di import NamedDependency
from litestar.params import JSONBody
from msgspec import Meta, Struct

from libs.contracts.values import FilePath
from libs.contracts.versioning import (
    Expiring,
    GetRetention,
    Prefix,
    PreviewRetention,
    Purged,
    PurgeVersions,
    Retention,
    RetentionPolicy,
    SetRetention,
)
from services.gateway.edge.gate import needs
from services.gateway.edge.platform import Platform
from services.gateway.routes.given import Bucket, Cursors, Page

TAGS = ["Versions"]
ONE = "/buckets/{bucket:str}/retention"


class NewPolicy(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    policy: RetentionPolicy | None
    """``null`` keeps all states for ever."""


class Previewing(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    policy: RetentionPolicy | None = None
    """Absent: the bucket's own."""
    prefix: Prefix = ""
    kept: bool = False
    """List what is kept, too."""
    limit: Annotated[int, Meta(ge=1, le=1000)] = 100
    cursor: Annotated[str, Meta(max_length=4000)] | None = None
    """``next`` of the page before."""


class Purging(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to purge: ``path``, or everything below ``prefix``."""

    path: FilePath | None = None
    prefix: Prefix | None = None
    """Empty for all of the bucket."""
    dry_run: bool = False


@get(ONE, summary="Get the retention policy", tags=TAGS, opt=needs("read"))
async def get_retention(bucket: Bucket, platform: NamedDependency[Platform]) -> Retention:
    """Return which past states are kept, and what was given up so far."""
    return await platform.ask(GetRetention(bucket=bucket))


@put(ONE, summary="Set the retention policy", tags=TAGS, opt=needs("write", role="owner"))
async def set_retention(
    bucket: Bucket,
    data: JSONBody[NewPolicy],
    actor: NamedDependency[str],
    platform: NamedDependency[Platform],
) -> Retention:
    """Say which past states are kept from now on; others lose their content, never their history.

    It is applied within a minute, and again every few hours. Look at the preview before.
    """
    return await platform.ask(SetRetention(bucket=bucket, policy=data.policy, actor=actor))


@post(
    f"{ONE}/preview",
    summary="Preview a retention policy",
    tags=TAGS,
    opt=needs("read"),
    status_code=200,
)
async def preview_retention(
    bucket: Bucket,
    data: JSONBody[Previewing],
    platform: NamedDependency[Platform],
    cursors: NamedDependency[Cursors],
) -> Page[Expiring]:
    """Tell state by state what a policy would do and why, by path, newest first; nothing changes.

    A page looks at some thousand states: it may be short, or empty, and still have a ``next``.
    """
    scope = f"retention\n{bucket}\n{data.prefix}\n{data.policy}\n{data.kept}"
    found = await platform.ask(
        PreviewRetention(
            bucket=bucket,
            policy=data.policy,
            prefix=data.prefix,
            cursor=cursors.open(scope, data.cursor, str) or "",
            limit=data.limit,
            kept=data.kept,
        )
    )
    return Page(found.items, cursors.seal(scope, found.next))


@post(
    "/buckets/{bucket:str}/purges",
    summary="Purge versions",
    tags=TAGS,
    opt=needs("write", role="owner"),
    status_code=200,
)
async def purge_versions(
    bucket: Bucket,
    data: JSONBody[Purging],
    actor: NamedDependency[str],
    platform: NamedDependency[Platform],
) -> Purged:
    """Give up the content of all past states of a path or below a prefix, whatever the policy.

    What a branch has now stays, and so does what is locked. History still names what was there.
    """
    versions = size = locked = 0
    cursor: str | None = ""
    while cursor is not None:
        part = await platform.ask(
            PurgeVersions(
                bucket=bucket,
                actor=actor,
                path=data.path,
                prefix=data.prefix,
                dry_run=data.dry_run,
                cursor=cursor,
            )
        )
        versions, size = versions + part.versions, size + part.bytes
        locked, cursor = locked + part.locked, part.next
    return Purged(versions=versions, bytes=size, locked=locked)


ROUTES = [get_retention, set_retention, preview_retention, purge_versions]
