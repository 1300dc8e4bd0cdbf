"""Commits that somebody makes: of changes that they name, or of what is staged."""

from libs.chassis.bus import Bus
from libs.chassis.database import Connection, Database
from libs.chassis.rpc import serves
from libs.contracts.storage import PathChange
from libs.contracts.versioning import CommitMade, CreateCommit
from services.versioning import holding, staging
from services.versioning.applying import Applied, Applier, Change, Planned
from services.versioning.domain import tree
from services.versioning.domain.commits import CommitId
from services.versioning.domain.committing import (
    check_expected,
    digests_of,
    paths_read,
    wanted_states,
)
from services.versioning.domain.errors import MainMovesByCommits
from services.versioning.domain.refs import MAIN
from services.versioning.domain.tree import Entry
from services.versioning.history import Head
from services.versioning.repository import commits, nodes, repositories
from services.versioning.repository.nodes import NodeCache
from services.versioning.repository.repositories import Repository
from services.versioning.requests.log import commit_info


@serves(CreateCommit)
async def create_commit(
    request: CreateCommit, db: Database, bus: Bus, cache: NodeCache, applier: Applier
) -> CommitMade:
    """Commit to the head as it is; the paths that matter stay so until the commit is made."""
    if request.branch == MAIN and not request.changes:
        raise MainMovesByCommits("nothing is staged on it: name changes", branch=MAIN)
    async with db.connection() as conn:
        repository = await repositories.get_repository(conn, request)
    sizes = await holding.hold(bus, request.bucket, digests_of(request.changes))

    async def plan(tx: Connection, head: Head) -> Planned:
        if request.changes:
            states = await _wanted(tx, cache, head, request, sizes)
        else:
            states = await _staged(tx, cache, repository, head, request)
        return Planned(
            states=states,
            change=_change(request, len(states)),
            reads=paths_read(request.changes, request.expect),
            held=sizes,
            replaces_staged=True,
        )

    applied = await applier.commit(
        repository,
        request.branch,
        plan,
        expect_head=expected(request.expect_head),
        fresh=False,  # it is about nothing but the paths that it names
    )
    return await made(db, repository, applied)


async def _wanted(
    tx: Connection, cache: NodeCache, head: Head, request: CreateCommit, sizes: dict[str, int]
) -> dict[str, Entry | None]:
    now = await _shown(tx, cache, head, request.changes, request)
    check_expected(request.expect, now)
    return wanted_states(request.changes, now, sizes, lenient=request.lenient)


async def _staged(
    tx: Connection, cache: NodeCache, repository: Repository, head: Head, request: CreateCommit
) -> dict[str, Entry | None]:
    check_expected(request.expect, await _shown(tx, cache, head, [], request))
    return await staging.read_staged(tx, cache, repository, head)


async def _shown(
    tx: Connection, cache: NodeCache, head: Head, changes: list[PathChange], request: CreateCommit
) -> dict[str, Entry]:
    walk = tree.get(staging.shown_tree(head), paths_read(changes, request.expect))
    return await nodes.drive(tx, cache, walk)


def _change(request: CreateCommit, paths: int) -> Change:
    return Change(
        author=request.actor,
        message=request.message or f"commit {paths} {'file' if paths == 1 else 'files'}",
        operation="commit",
        metadata=request.metadata,
    )


def expected(commit_id: str | None) -> CommitId | None:
    """Return the head that a request expects."""
    return None if commit_id is None else CommitId(bytes.fromhex(commit_id))


async def made(db: Database, repository: Repository, applied: Applied) -> CommitMade:
    """Tell what became of a request that makes a commit."""
    if applied.head.commit_id is None:
        return CommitMade(commit=None, changed=0)
    async with db.connection() as conn:
        stored = await commits.get_commit(conn, repository.bucket_id, applied.head.commit_id)
    return CommitMade(commit=commit_info(stored), changed=applied.changed)
