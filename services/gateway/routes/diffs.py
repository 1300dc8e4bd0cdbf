"""What differs between two states of a bucket, and who made it so."""

from typing import Annotated

from litestar import get
from litestar.di import NamedDependency
from litestar.params import QueryParameter
from msgspec import Struct

from libs.contracts.values import CommitId
from libs.contracts.versioning import GetBlame, GetDiff, PathDifference, Touch
from services.gateway.domain.failures import InvalidCursor
from services.gateway.edge.gate import needs
from services.gateway.edge.platform import Platform
from services.gateway.routes.given import Bucket, Cursor, Cursors, Limit, Prefix

TAGS = ["Versions"]

From = Annotated[
    str,
    QueryParameter(
        name="from",
        description="The state before: a branch, tag, commit, a time of a branch, or `now`.",
        min_length=1,
        max_length=200,
    ),
]
To = Annotated[
    str,
    QueryParameter(
        name="to",
        description="The state after; `now` is the present.",
        min_length=1,
        max_length=200,
    ),
]
IsStaged = Annotated[
    bool, QueryParameter(description="`to` is a branch, and what is staged on it counts, too.")
]


class DiffPage(Struct, frozen=True):
    """A page of what differs."""

    source: CommitId | None
    """The commit that was compared; absent where nothing was committed yet."""
    target: CommitId | None
    items: list[PathDifference]
    next: str | None = None


class BlamePage(Struct, frozen=True):
    """A page of files, each with the commit that touched it last."""

    commit_id: CommitId
    items: list[Touch]
    next: str | None = None


@get(
    "/buckets/{bucket:str}/diff",
    summary="Compare two states",
    tags=TAGS,
    opt=needs("read", at="prefix"),
)
async def get_diff(
    bucket: Bucket,
    platform: NamedDependency[Platform],
    cursors: NamedDependency[Cursors],
    source: From,
    target: To = "now",
    staged: IsStaged = False,
    prefix: Prefix = "",
    limit: Limit = 100,
    cursor: Cursor = None,
) -> DiffPage:
    """List what was added, removed, changed or moved, by path.

    A file has moved when its bytes are gone at one path and new at another: of up to 10,000
    differing paths below the prefix all are looked at for it, of more only those of a page.
    Further pages compare the same commits as the first.
    """
    scope = f"diff\n{bucket}\n{source}\n{target}\n{staged}\n{prefix}"
    begin, end, after = _go_on(cursors.open(scope, cursor, str), source, target)
    found = await platform.ask(
        GetDiff(
            bucket=bucket,
            source=begin,
            target=target if staged else end,
            staged=staged,
            prefix=prefix,
            start_after=after,
            limit=limit,
        )
    )
    place = (
        None
        if found.next is None
        else f"{found.source or source}\n{found.target or target}\n{found.next}"
    )
    return DiffPage(found.source, found.target, found.items, cursors.seal(scope, place))


@get(
    "/buckets/{bucket:str}/blame",
    summary="Tell who touched files last",
    tags=TAGS,
    opt=needs("read", at="prefix"),
)
async def get_blame(
    bucket: Bucket,
    platform: NamedDependency[Platform],
    cursors: NamedDependency[Cursors],
    ref: Annotated[
        str, QueryParameter(description="Whose files.", min_length=1, max_length=200)
    ] = "main",
    prefix: Prefix = "",
    limit: Limit = 100,
    cursor: Cursor = None,
) -> BlamePage:
    """List the files of a ref, each with the commit that touched it last, along first parents."""
    scope = f"blame\n{bucket}\n{ref}\n{prefix}"
    begin, _, after = _go_on(cursors.open(scope, cursor, str), ref, "")
    found = await platform.ask(
        GetBlame(bucket=bucket, ref=begin, prefix=prefix, start_after=after, limit=limit)
    )
    place = None if found.next is None else f"{found.commit_id}\n\n{found.next}"
    return BlamePage(found.commit_id, found.items, cursors.seal(scope, place))


def _go_on(position: str | None, source: str, target: str) -> tuple[str, str, str]:
    """Return what to compare and behind which path: branches may move between two pages."""
    if position is None:
        return source, target, ""
    parts = position.split("\n", 2)
    if len(parts) != 3:
        raise InvalidCursor("the cursor belongs to another list")
    return parts[0], parts[1], parts[2]


ROUTES = [get_diff, get_blame]
