"""History: versions of a file, and commits of a bucket."""

from typing import Annotated

from litestar import get
from litestar.di import NamedDependency
from litestar.params import FromPath, QueryParameter
from msgspec.structs import replace

from libs.contracts.versioning import (
    CommitDetail,
    CommitInfo,
    GetCommit,
    ListCommits,
    ListVersions,
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
    access: NamedDependency[Access],
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
    """Walk the history of a ref along first parents, newest first.

    Who may read the one file only is told nothing of how many there are: `files` and `bytes` are 0.
    """
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
    items = found.items
    if path is not None and not await access.may(bucket):
        items = [replace(commit, files=0, bytes=0) for commit in items]
    return Page(items, cursors.seal(scope, found.next))


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


ROUTES = [list_versions, list_commits, get_commit]
