"""Merging branches."""

from litestar import post
from litestar.di import NamedDependency
from litestar.params import JSONBody
from msgspec import Struct, field

from libs.contracts.values import CommitId, FilePath, Labels, Message
from libs.contracts.versioning import (
    BranchName,
    Content,
    Merge,
    Merged,
    RefText,
    Side,
)
from services.gateway.edge.gate import needs
from services.gateway.edge.platform import Platform
from services.gateway.routes.given import Bucket

LONGEST_S = 60.0
"""How long a merge may take: storage applies one into ``main`` in a single transaction."""


class Chosen(Content, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a path becomes instead of either side; without ``sha256`` it is removed."""


class Merging(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    source: RefText = field(name="from")
    into: BranchName = "main"
    message: Message = ""
    metadata: Labels = field(default_factory=dict)
    resolutions: dict[FilePath, Side | Chosen] = field(default_factory=dict)
    """How to resolve conflicts, path by path."""
    otherwise: Side | None = None
    """How to resolve conflicts that have no resolution of their own; absent: refuse."""
    squash: bool = False
    """The commit gets one parent only: what is merged does not become part of the history."""
    dry_run: bool = False
    """Tell what would happen, and change nothing."""
    expect_head: CommitId | None = None
    """The branch has to be at this commit."""


@post(
    "/buckets/{bucket:str}/merges",
    summary="Merge a branch",
    tags=["Versions"],
    opt=needs("write"),
    status_code=200,
)
async def merge(
    bucket: Bucket,
    data: JSONBody[Merging],
    actor: NamedDependency[str],
    platform: NamedDependency[Platform],
) -> Merged:
    """Bring what was done at ``from`` to a branch: three-way, path by path, all or nothing.

    A path that both sides changed differently is a conflict: 409 ``merge-conflict`` lists them as
    ``conflicts``, each with ``base``, ``ours`` and ``theirs``. No bytes move.
    """
    return await platform.ask(
        Merge(
            bucket=bucket,
            source=data.source,
            into=data.into,
            actor=actor,
            message=data.message,
            metadata=data.metadata,
            resolutions=dict(data.resolutions),
            otherwise=data.otherwise,
            squash=data.squash,
            dry_run=data.dry_run,
            expect_head=data.expect_head,
        ),
        timeout_s=LONGEST_S,
    )


ROUTES = [merge]
