"""Taking a commit back, and doing elsewhere what it did: three-way, against its first parent."""

from collections.abc import Sequence

from msgspec import Struct

from libs.chassis.bus import Bus
from libs.chassis.database import Connection, Database
from libs.chassis.rpc import serves
from libs.contracts.versioning import CherryPick, CommitMade, Revert
from services.versioning import three_ways
from services.versioning.applying import Applier, Change, Planned
from services.versioning.catching_up import catch_up_if_named
from services.versioning.domain import tree
from services.versioning.domain.commits import Commit
from services.versioning.domain.tree import EMPTY, Delta
from services.versioning.history import Head
from services.versioning.repository import commits, nodes, refs, repositories
from services.versioning.repository.nodes import NodeCache
from services.versioning.repository.repositories import Repository
from services.versioning.requests.commits import expected, made
from services.versioning.settings import Settings

TITLE_CHARACTERS = 100


class Step(Struct, frozen=True):
    """What a commit did to its first parent."""

    commit: Commit
    commit_id: str
    deltas: list[Delta]

    def backwards(self) -> list[Delta]:
        """Return the way back."""
        return [Delta(delta.path, delta.after, delta.before) for delta in self.deltas]


@serves(Revert)
async def revert(
    request: Revert, db: Database, bus: Bus, cache: NodeCache, settings: Settings, applier: Applier
) -> CommitMade:
    await catch_up_if_named(request.commit, request.bucket, db, bus, settings.mark_timeout_s)
    async with db.connection() as conn:
        repository = await repositories.get_repository(conn, request)
        step = await _step(conn, cache, repository, request.commit)
    change = Change(
        author=request.actor,
        message=request.message or f"revert: {_title(step.commit)}",
        operation="revert",
        metadata={"reverts": step.commit_id},
    )
    return await _bring(request, repository, db, cache, applier, step.backwards(), change)


@serves(CherryPick)
async def cherry_pick(
    request: CherryPick,
    db: Database,
    bus: Bus,
    cache: NodeCache,
    settings: Settings,
    applier: Applier,
) -> CommitMade:
    await catch_up_if_named(request.commit, request.bucket, db, bus, settings.mark_timeout_s)
    async with db.connection() as conn:
        repository = await repositories.get_repository(conn, request)
        step = await _step(conn, cache, repository, request.commit)
    change = Change(
        author=request.actor,
        message=request.message or step.commit.message,
        operation="cherry-pick",
        metadata={"cherry-picked": step.commit_id},
    )
    return await _bring(request, repository, db, cache, applier, step.deltas, change)


async def _bring(
    request: Revert | CherryPick,
    repository: Repository,
    db: Database,
    cache: NodeCache,
    applier: Applier,
    deltas: Sequence[Delta],
    change: Change,
) -> CommitMade:
    """Commit ``deltas`` to a branch; raises ``MergeConflict`` where it changed otherwise since."""

    async def plan(tx: Connection, head: Head) -> Planned:
        merged = await three_ways.merge_deltas(tx, cache, ours=head.tree, theirs=deltas)
        if merged.conflicts:
            raise three_ways.refusal(merged.conflicts)
        return Planned(states=merged.states, change=change)

    applied = await applier.commit(
        repository,
        request.branch,
        plan,
        expect_head=expected(request.expect_head),
        fresh=False,  # it is about the paths of a commit, whatever else there is
    )
    return await made(db, repository, applied)


async def _step(conn: Connection, cache: NodeCache, repository: Repository, ref: str) -> Step:
    bucket_id = repository.bucket_id
    commit_id = await refs.get_commit_id(conn, bucket_id, ref)
    commit = (await commits.get_commit(conn, bucket_id, commit_id)).commit
    before = EMPTY.node_id
    if commit.parents:
        before = (await commits.get_commit(conn, bucket_id, commit.parents[0])).commit.tree
    found = await nodes.drive(conn, cache, tree.diff(before, commit.tree))
    return Step(commit, commit_id.hex(), found.deltas)


def _title(commit: Commit) -> str:
    return commit.message.partition("\n")[0][:TITLE_CHARACTERS]
