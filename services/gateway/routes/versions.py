"""History: versions of a file, commits of a bucket, and going back."""

from typing import Annotated

from litestar import get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody, QueryParameter
from msgspec import Meta, Struct

from libs.contracts.values import FilePath, Message
from libs.contracts.versioning import (
    CommitDetail,
    CommitInfo,
    GetCommit,
    ListCommits,
    ListVersions,
    RefText,
    Restore,
    Restored,
    VersionInfo,
)
from services.gateway.domain import times
from services.gateway.edge.access import Access
from services.gateway.edge.gate import needs
from services.gateway.edge.platform import Platform
from services.gateway.routes.given import Bucket, Cursor, Cursors, Limit, Page

TAGS = ["Versions"]

Since = Annotated[
    str | None, QueryParameter(description="Only those not older: RFC 3339.", max_length=40)
]
Until = Annotated[
    str | None, QueryParameter(description="Only those not newer: RFC 3339.", max_length=40)
]


class Restoring(Struct, frozen=True, forbid_unknown_fields=True):
    to: RefText
    paths: Annotated[list[FilePath], Meta(min_length=1, max_length=1000)] | None = None
    prefix: Annotated[str, Meta(max_length=1024)] = ""
    message: Message = ""

    def places(self) -> list[str]:
        """Return what may change: these paths, or all below the prefix."""
        return [self.prefix] if self.paths is None else self.paths


@get(
    "/buckets/{bucket:str}/versions",
    summary="List versions of a file",
    tags=TAGS,
    opt=needs("read", at="path"),
)
async def list_versions(
    bucket: Bucket,
    path: Annotated[str, QueryParameter(description="The file.", min_length=1, max_length=1024)],
    platform: NamedDependency[Platform],
    cursors: NamedDependency[Cursors],
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Page[VersionInfo]:
    """List every state that a file had, newest first, also those where it was deleted."""
    scope = f"versions\n{bucket}\n{path}"
    below = cursors.open(scope, cursor, int)
    found = await platform.ask(ListVersions(bucket=bucket, path=path, below=below, limit=limit))
    return Page(found.items, cursors.seal(scope, found.next))


@get(
    "/buckets/{bucket:str}/commits",
    summary="List commits",
    tags=TAGS,
    opt=needs("read", at="path"),
)
async def list_commits(
    bucket: Bucket,
    platform: NamedDependency[Platform],
    cursors: NamedDependency[Cursors],
    ref: Annotated[
        str, QueryParameter(description="Where to begin.", min_length=1, max_length=200)
    ] = "main",
    path: Annotated[
        str | None,
        QueryParameter(
            description="Only those that touched this file.", min_length=1, max_length=1024
        ),
    ] = None,
    author: Annotated[
        str | None, QueryParameter(description="Only those of them.", min_length=1, max_length=200)
    ] = None,
    since: Since = None,
    until: Until = None,
    message: Annotated[
        str,
        QueryParameter(
            description="Only those whose message contains this, in any case.", max_length=200
        ),
    ] = "",
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Page[CommitInfo]:
    """Walk the history of a ref along first parents, newest first."""
    scope = f"commits\n{bucket}\n{ref}\n{path}\n{author}\n{since}\n{until}\n{message}"
    begin = cursors.open(scope, cursor, str) or ref
    found = await platform.ask(
        ListCommits(
            bucket=bucket,
            ref=begin,
            path=path,
            author=author,
            since=times.parse(since, "since"),
            until=times.parse(until, "until"),
            message=message,
            limit=limit,
        )
    )
    return Page(found.items, cursors.seal(scope, found.next))


@get(
    "/buckets/{bucket:str}/commits/{commit:str}",
    summary="Get a commit",
    tags=TAGS,
    opt=needs("read"),
)
async def get_commit(
    bucket: Bucket, commit: FromPath[str], platform: NamedDependency[Platform]
) -> CommitDetail:
    """Return a commit with its changes, by its id, the beginning of it, or another ref."""
    return await platform.ask(GetCommit(bucket=bucket, ref=commit))


@post(
    "/buckets/{bucket:str}/restores",
    summary="Restore files",
    tags=TAGS,
    opt=needs("write", role="reader", at="somewhere"),
    status_code=200,
)
async def restore(
    bucket: Bucket,
    data: JSONBody[Restoring],
    actor: NamedDependency[str],
    access: NamedDependency[Access],
    platform: NamedDependency[Platform],
) -> Restored:
    """Make files as they were at ``to``: a new commit, and no bytes move."""
    for place in data.places():
        await access.check(bucket, place, "writer")
    return await platform.ask(
        Restore(
            bucket=bucket,
            to=data.to,
            actor=actor,
            paths=data.paths,
            prefix=data.prefix,
            message=data.message,
        )
    )


ROUTES = [list_versions, list_commits, get_commit, restore]
