"""Going back: files as they were, and commits taken back or done again."""

from typing import Annotated

from litestar import post
from litestar.di import NamedDependency
from litestar.params import JSONBody
from msgspec import Meta, Struct

from libs.contracts.values import CommitId, FilePath, Message
from libs.contracts.versioning import (
    BranchName,
    CherryPick,
    CommitMade,
    Prefix,
    RefText,
    Restore,
    Restored,
    Revert,
)
from services.gateway.edge.access import Access
from services.gateway.edge.gate import needs
from services.gateway.edge.platform import Platform
from services.gateway.routes.given import Bucket

TAGS = ["Versions"]

LONGEST_S = 60.0
"""How long it may take: all files that change do so in a single transaction."""


class Restoring(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    to: RefText
    """How the files were: a commit, a branch, a tag, or `@<time>`."""
    branch: BranchName = "main"
    """Where they become so."""
    paths: Annotated[list[FilePath], Meta(min_length=1, max_length=1000)] | None = None
    prefix: Prefix = ""
    message: Message = ""
    expect_head: CommitId | None = None
    """The branch has to be at this commit."""

    def places(self) -> list[str]:
        """Return what may change: these paths, or all below the prefix."""
        return [self.prefix] if self.paths is None else self.paths


class Repeating(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    commit: RefText
    branch: BranchName = "main"
    message: Message = ""
    expect_head: CommitId | None = None
    """The branch has to be at this commit."""


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
    """Make files of a branch as they were at `to`: a new commit, and no bytes move."""
    for place in data.places():
        await access.check(bucket, place, "writer")
    return await platform.ask(
        Restore(
            bucket=bucket,
            to=data.to,
            branch=data.branch,
            actor=actor,
            paths=data.paths,
            prefix=data.prefix,
            message=data.message,
            expect_head=data.expect_head,
        ),
        timeout_s=LONGEST_S,
    )


@post(
    "/buckets/{bucket:str}/reverts",
    summary="Revert a commit",
    tags=TAGS,
    opt=needs("write"),
    status_code=200,
)
async def revert(
    bucket: Bucket,
    data: JSONBody[Repeating],
    actor: NamedDependency[str],
    platform: NamedDependency[Platform],
) -> CommitMade:
    """Take back what a commit did: a new commit; so is a restore undone.

    Files that changed again since are conflicts: 409 `merge-conflict` lists them as merges do.
    A merge is taken back against the branch that it was made on.
    """
    return await platform.ask(
        Revert(
            bucket=bucket,
            commit=data.commit,
            branch=data.branch,
            actor=actor,
            message=data.message,
            expect_head=data.expect_head,
        ),
        timeout_s=LONGEST_S,
    )


@post(
    "/buckets/{bucket:str}/cherry-picks",
    summary="Cherry-pick a commit",
    tags=TAGS,
    opt=needs("write"),
    status_code=200,
)
async def cherry_pick(
    bucket: Bucket,
    data: JSONBody[Repeating],
    actor: NamedDependency[str],
    platform: NamedDependency[Platform],
) -> CommitMade:
    """Do on a branch what a commit did to its first parent; conflicts are told as merges do."""
    return await platform.ask(
        CherryPick(
            bucket=bucket,
            commit=data.commit,
            branch=data.branch,
            actor=actor,
            message=data.message,
            expect_head=data.expect_head,
        ),
        timeout_s=LONGEST_S,
    )


ROUTES = [restore, revert, cherry_pick]
