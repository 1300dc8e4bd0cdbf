"""Commits that somebody makes, or brings along from another history."""

from datetime import datetime
from typing import Annotated

from litestar import post
from litestar.di import NamedDependency
from litestar.params import JSONBody
from msgspec import Meta, Struct, field

from libs.contracts.values import Actor, CommitId, FilePath, Labels, Message, Sha256
from libs.contracts.versioning import BranchName, CommitMade, CreateCommit, ImportCommit
from services.gateway.domain.conditions import bare_etag
from services.gateway.domain.failures import InvalidInput
from services.gateway.edge.access import Access
from services.gateway.edge.gate import needs
from services.gateway.edge.platform import Platform
from services.gateway.routes.changes import (
    MOST_CHANGES,
    Copy,
    Delete,
    Move,
    Put,
    needed_access,
)
from services.gateway.routes.given import Bucket

TAGS = ["Versions"]

LONGEST_S = 60.0
"""How long a commit of many files may take."""


class Committing(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    branch: BranchName = "main"
    message: Message = ""
    metadata: Labels = field(default_factory=dict)
    changes: Annotated[list[Put | Delete | Copy | Move], Meta(max_length=MOST_CHANGES)] = field(
        default_factory=list
    )
    """Absent: what is staged on the branch."""
    expect: dict[FilePath, str | None] = field(default_factory=dict)
    """Per path its present ETag, or null for "no file"; anything else refuses all."""
    expect_head: CommitId | None = None
    """The branch has to be at this commit."""
    lenient: bool = False
    """To delete what is not there is no failure."""


class Importing(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    author: Actor
    committed_at: datetime
    parents: Annotated[list[CommitId], Meta(max_length=64)] = field(default_factory=list)
    message: Message = ""
    metadata: Labels = field(default_factory=dict)
    changes: Annotated[list[Put | Delete], Meta(max_length=4_000)] = field(default_factory=list)
    """Against the first parent, or against `tree`."""
    tree: Sha256 | None = None
    """What a former part of this commit was answered with as `commit.tree`."""
    partial: bool = False
    """There are more changes to come: keep the tree, and make no commit yet."""


@post(
    "/buckets/{bucket:str}/commits",
    summary="Make a commit",
    tags=TAGS,
    opt=needs("write", role="reader", at="somewhere"),
    status_code=200,
)
async def create_commit(
    bucket: Bucket,
    data: JSONBody[Committing],
    actor: NamedDependency[str],
    access: NamedDependency[Access],
    platform: NamedDependency[Platform],
) -> CommitMade:
    """Commit changes to a branch, all or none; without changes, what is staged on it.

    Bytes to put are stored before, by `POST …/contents`, or the bucket has them already. On `main`
    the files of the bucket change in one transaction.
    """
    if data.branch == "main" and not data.changes:
        raise InvalidInput("nothing is ever staged on main: name changes", field="changes")
    await _check(access, bucket, data)
    return await platform.ask(
        CreateCommit(
            bucket=bucket,
            branch=data.branch,
            actor=actor,
            message=data.message,
            metadata=data.metadata,
            changes=list(data.changes),
            expect={path: bare_etag(etag) for path, etag in data.expect.items()},
            expect_head=data.expect_head,
            lenient=data.lenient,
        ),
        timeout_s=LONGEST_S,
    )


@post(
    "/buckets/{bucket:str}/imports",
    summary="Import a commit",
    tags=TAGS,
    opt=needs("write", role="owner"),
    status_code=200,
)
async def import_commit(
    bucket: Bucket, data: JSONBody[Importing], platform: NamedDependency[Platform]
) -> CommitMade:
    """Bring a commit of another history along, with its own author, time and parents.

    It is on no branch until one is created there. A commit of more changes than a request holds is
    brought in parts. Asked again, it is there already.
    """
    return await platform.ask(
        ImportCommit(
            bucket=bucket,
            author=data.author,
            committed_at=data.committed_at,
            parents=data.parents,
            message=data.message,
            metadata=data.metadata,
            changes=list(data.changes),
            tree=data.tree,
            partial=data.partial,
        ),
        timeout_s=LONGEST_S,
    )


async def _check(access: Access, bucket: str, data: Committing) -> None:
    """Raise unless the caller may do all of it; what is staged is anybody's, and anywhere."""
    if access.is_admin:
        return
    if not data.changes:
        await access.check(bucket, role="writer")
    for place, role in needed_access(data.changes, data.expect):
        await access.check(bucket, place, role)


ROUTES = [create_commit, import_commit]
