"""What is staged on a branch: written there, and in no commit yet."""

from typing import Annotated

from litestar import delete, get
from litestar.di import NamedDependency
from litestar.params import QueryParameter
from msgspec import Struct

from libs.contracts.versioning import BranchName, DiscardStaged, ListStaged, StagedChange
from services.gateway.domain.failures import InvalidInput
from services.gateway.edge.access import Access
from services.gateway.edge.gate import needs
from services.gateway.edge.platform import Platform
from services.gateway.routes.given import Bucket, Cursor, Cursors, Limit, Page, Prefix

TAGS = ["Versions"]
STAGED = "/buckets/{bucket:str}/staged"

Branch = Annotated[str, QueryParameter(description="The branch.", min_length=1, max_length=100)]


class Discarded(Struct, frozen=True):
    branch: BranchName
    discarded: int
    """How many paths are as committed again."""
    staged: int
    """How many are staged still."""


@get(STAGED, summary="List what is staged", tags=TAGS, opt=needs("read", at="prefix"))
async def list_staged(
    bucket: Bucket,
    branch: Branch,
    platform: NamedDependency[Platform],
    cursors: NamedDependency[Cursors],
    prefix: Prefix = "",
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Page[StagedChange]:
    """List by path what was written on a branch and waits for a commit."""
    scope = f"staged\n{bucket}\n{branch}\n{prefix}"
    after = cursors.open(scope, cursor, str) or ""
    found = await platform.ask(
        ListStaged(bucket=bucket, branch=branch, prefix=prefix, start_after=after, limit=limit)
    )
    return Page(found.items, cursors.seal(scope, found.next))


@delete(
    STAGED,
    summary="Discard what is staged",
    tags=TAGS,
    opt=needs("write", role="reader", at="somewhere"),
    status_code=200,
)
async def discard_staged(
    bucket: Bucket,
    branch: Branch,
    actor: NamedDependency[str],
    access: NamedDependency[Access],
    platform: NamedDependency[Platform],
    path: Annotated[
        str | None,
        QueryParameter(description="Only this file.", min_length=1, max_length=1024),
    ] = None,
    prefix: Prefix = "",
) -> Discarded:
    """Forget what is staged: one path, what is below `prefix`, or all."""
    if path is not None and prefix:
        raise InvalidInput("discard a path or what is below a prefix, not both", parameter="path")
    await access.check(bucket, path or prefix, "writer")
    done = await platform.ask(
        DiscardStaged(
            bucket=bucket,
            branch=branch,
            actor=actor,
            paths=None if path is None else [path],
            prefix=prefix,
        )
    )
    return Discarded(done.branch, done.changed, done.staged)


ROUTES = [list_staged, discard_staged]
