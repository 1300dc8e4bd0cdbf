"""Branches of a bucket's history."""

from typing import Annotated

from litestar import Response, delete, get, patch, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody, QueryParameter
from msgspec import UNSET, Meta, Struct, UnsetType, field

from libs.contracts.values import CommitId
from libs.contracts.versioning import (
    BranchInfo,
    BranchName,
    CheckName,
    CreateBranch,
    DeleteBranch,
    GetBranch,
    ListBranches,
    RefText,
    UpdateBranch,
)
from services.gateway.domain import served
from services.gateway.edge.access import Access
from services.gateway.edge.gate import needs
from services.gateway.edge.platform import Platform
from services.gateway.routes.given import PREFIX, Bucket, Cursor, Cursors, Limit, Page

TAGS = ["Versions"]
MANY = "/buckets/{bucket:str}/branches"
ONE = "/buckets/{bucket:str}/branches/{branch:str}"

Branch = FromPath[str]
Checks = Annotated[list[CheckName], Meta(max_length=20)]
Names = Annotated[str, QueryParameter(description="Only names that begin so.", max_length=100)]


class NewBranch(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    name: BranchName
    source: RefText = "main"
    """Where it begins: a branch, tag or commit."""
    auto_commit: bool = False
    """Each write becomes a commit at once; otherwise writes are staged."""
    protected: bool = False
    """It changes by merges only. An owner says so."""
    required_checks: Checks = field(default_factory=list)
    """What has to have passed on a commit before it may be merged into it. An owner says so."""


class BranchChange(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is to change; what is absent stays."""

    to: RefText | None = None
    """The commit that it is to name."""
    expect: CommitId | None = None
    """The commit that it has to name until now, else 412 `stale-head`."""
    discard: bool = False
    """What is staged on it may be lost."""
    auto_commit: bool | UnsetType = UNSET
    protected: bool | UnsetType = UNSET
    required_checks: Checks | UnsetType = UNSET


@post(MANY, summary="Create a branch", tags=TAGS, opt=needs("write"))
async def create_branch(
    bucket: Bucket,
    data: JSONBody[NewBranch],
    actor: NamedDependency[str],
    access: NamedDependency[Access],
    platform: NamedDependency[Platform],
) -> Response[BranchInfo]:
    """Make a branch of any state of the bucket; it takes as long for a million files as for one."""
    if data.protected or data.required_checks:
        await access.check(bucket, role="owner")
    branch = await platform.ask(
        CreateBranch(
            bucket=bucket,
            name=data.name,
            source=data.source,
            actor=actor,
            auto_commit=data.auto_commit,
            protected=data.protected,
            required_checks=data.required_checks,
        )
    )
    place = f"{PREFIX}/buckets/{bucket}/branches/{served.url_path(branch.name)}"
    return Response(branch, headers={"Location": place})


@get(MANY, summary="List branches", tags=TAGS, opt=needs("read"))
async def list_branches(
    bucket: Bucket,
    platform: NamedDependency[Platform],
    cursors: NamedDependency[Cursors],
    prefix: Names = "",
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Page[BranchInfo]:
    """List branches by name, each with how many paths are staged; `main` is always one."""
    scope = f"branches\n{bucket}\n{prefix}"
    after = cursors.open(scope, cursor, str) or ""
    found = await platform.ask(
        ListBranches(bucket=bucket, prefix=prefix, start_after=after, limit=limit)
    )
    return Page(found.items, cursors.seal(scope, found.next))


@get(ONE, summary="Get a branch", tags=TAGS, opt=needs("read"))
async def get_branch(
    bucket: Bucket, branch: Branch, platform: NamedDependency[Platform]
) -> BranchInfo:
    """Return where a branch stands, and what is decided about it."""
    return await platform.ask(GetBranch(bucket=bucket, name=branch))


@patch(ONE, summary="Change a branch", tags=TAGS, opt=needs("write"))
async def update_branch(
    bucket: Bucket,
    branch: Branch,
    data: JSONBody[BranchChange],
    actor: NamedDependency[str],
    access: NamedDependency[Access],
    platform: NamedDependency[Platform],
) -> BranchInfo:
    """Reset a branch to another commit, or decide about it anew; protecting is an owner's.

    With `expect`, of two who move it at once one is told 412 `stale-head`. `main` cannot be reset:
    restore instead. A protected `main` takes no direct writes of files.
    """
    if data.protected is not UNSET or data.required_checks is not UNSET:
        await access.check(bucket, role="owner")
    return await platform.ask(
        UpdateBranch(
            bucket=bucket,
            name=branch,
            actor=actor,
            to=data.to,
            expect=data.expect,
            discard=data.discard,
            auto_commit=data.auto_commit,
            protected=data.protected,
            required_checks=data.required_checks,
        )
    )


@delete(ONE, summary="Delete a branch", tags=TAGS, opt=needs("write"), status_code=204)
async def delete_branch(
    bucket: Bucket,
    branch: Branch,
    actor: NamedDependency[str],
    platform: NamedDependency[Platform],
    expect: Annotated[
        str | None,
        QueryParameter(description="The commit that it has to name.", pattern="^[0-9a-f]{64}$"),
    ] = None,
    discard: Annotated[
        bool, QueryParameter(description="What is staged on it may be lost.")
    ] = False,
) -> None:
    """Delete a branch; its commits stay, under their ids."""
    await platform.ask(
        DeleteBranch(bucket=bucket, name=branch, actor=actor, expect=expect, discard=discard)
    )


ROUTES = [create_branch, list_branches, get_branch, update_branch, delete_branch]
