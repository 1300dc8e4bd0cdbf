"""Writes on branches that no commit has yet, or, where a branch wants that, at once."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import NamedTuple

from msgspec import UNSET
from msgspec.structs import replace

from libs.chassis.crashpoint import crashpoint
from libs.chassis.database import Connection, Database
from libs.chassis.rpc import serves
from libs.contracts.pages import fitting
from libs.contracts.versioning import (
    DiscardStaged,
    FileState,
    ListStaged,
    Staged,
    StagedChange,
    StagedList,
    StageUpdate,
    StageWrites,
)
from services.versioning import contents, history, staging
from services.versioning.domain import tree
from services.versioning.domain.errors import BranchProtected, FileNotFound, MainMovesByCommits
from services.versioning.domain.files import check_files
from services.versioning.domain.refs import MAIN
from services.versioning.domain.staging import check_expected, operation_of, title_of, wanted_states
from services.versioning.domain.tree import Delta, Entry
from services.versioning.history import Head
from services.versioning.repository import nodes, refs, repositories, staged
from services.versioning.repository.nodes import NodeCache
from services.versioning.repository.repositories import Repository
from services.versioning.repository.staged import StagedPath
from services.versioning.requests.entries import entry_info


class _Write(NamedTuple):
    """What a request wants of a branch, and what the branch had."""

    before: Mapping[str, Entry]
    states: Mapping[str, Entry | None]
    actor: str
    message: str

    def different(self) -> dict[str, Entry | None]:
        """Return the states that change something."""
        return {
            path: entry for path, entry in self.states.items() if self.before.get(path) != entry
        }


@serves(StageWrites)
async def stage_writes(request: StageWrites, db: Database, cache: NodeCache) -> Staged:
    states = wanted_states(request.writes)
    check_files(states)
    digests = {write.sha256 for write in request.writes if write.sha256 is not None}
    async with db.transaction() as tx:
        repository = await repositories.get_repository(tx, request)
        head = await _lock_writable(tx, repository, request.branch)
        await contents.check_named(
            tx, repository.bucket_id, request.branch, digests, request.held_until
        )
        before = await _shown(tx, cache, head, [*states, *request.expect])
        check_expected(request.expect, before)
        if not request.lenient:
            _check_present(before, states, request.branch)
        write = _Write(before, states, request.actor, request.message)
        answer = await _write(tx, cache, repository, head, write)
        crashpoint("before_stage")
    crashpoint("after_stage")
    return answer


@serves(StageUpdate)
async def stage_update(request: StageUpdate, db: Database, cache: NodeCache) -> Staged:
    path = request.path
    async with db.transaction() as tx:
        repository = await repositories.get_repository(tx, request)
        head = await _lock_writable(tx, repository, request.branch)
        before = await _shown(tx, cache, head, [path, *request.expect])
        check_expected(request.expect, before)
        _check_present(before, {path: None}, request.branch)
        states = {path: _described(before[path], request)}
        check_files(states)
        write = _Write(before, states, request.actor, request.message)
        return await _write(tx, cache, repository, head, write)


@serves(ListStaged)
async def list_staged(request: ListStaged, db: Database, cache: NodeCache) -> StagedList:
    async with db.transaction(isolation="repeatable_read", readonly=True) as tx:
        repository = await repositories.get_repository(tx, request)
        ref = await refs.get_branch(tx, repository.bucket_id, request.branch)
        head = await history.read_head(tx, repository.bucket_id, ref)
        walk = tree.diff(
            head.tree,
            staging.shown_tree(head),
            prefix=request.prefix,
            start_after=request.start_after,
            limit=request.limit,
        )
        found = await nodes.drive(tx, cache, walk)
        paths = [delta.path for delta in found.deltas]
        told = await staged.find_paths(tx, repository.bucket_id, ref.name, paths)
    items = [_change(delta, told[delta.path]) for delta in found.deltas]
    page = fitting(items)
    return StagedList(list(page), page[-1].path if len(page) < len(items) else found.next)


@serves(DiscardStaged)
async def discard_staged(request: DiscardStaged, db: Database, cache: NodeCache) -> Staged:
    async with db.transaction() as tx:
        repository = await repositories.get_repository(tx, request)
        _refuse_main(request.branch)
        head = await history.lock_branch(tx, repository, request.branch)
        before = await staged.count(tx, repository.bucket_id, request.branch)
        if request.paths is None and not request.prefix:
            await staging.discard_all(tx, repository, request.branch)
        else:
            paths = await _meant(tx, repository, request)
            await staging.discard(tx, cache, repository, head, paths)
        left = await staged.count(tx, repository.bucket_id, request.branch)
    return Staged(branch=request.branch, staged=left, changed=before - left)


async def _meant(tx: Connection, repository: Repository, request: DiscardStaged) -> list[str]:
    """Return the staged paths that a request is about."""
    bucket_id, branch = repository.bucket_id, request.branch
    if request.paths is None:
        return await staged.list_paths(tx, bucket_id, branch, prefix=request.prefix)
    return sorted(await staged.find_paths(tx, bucket_id, branch, request.paths))


async def _lock_writable(tx: Connection, repository: Repository, branch: str) -> Head:
    _refuse_main(branch)
    head = await history.lock_branch(tx, repository, branch)
    if head.ref.protected:
        raise BranchProtected(f"write on another branch and merge it into {branch}", branch=branch)
    return head


async def _shown(
    tx: Connection, cache: NodeCache, head: Head, paths: list[str]
) -> dict[str, Entry]:
    return await nodes.drive(tx, cache, tree.get(staging.shown_tree(head), paths))


async def _write(
    tx: Connection, cache: NodeCache, repository: Repository, head: Head, write: _Write
) -> Staged:
    """Stage or commit a write; return what the branch is then."""
    different = write.different()
    if different and head.ref.auto_commit:
        head = await _commit(tx, cache, repository, head, write, different)
    elif different:
        await staging.stage(tx, cache, repository, head, different, actor=write.actor)
    bucket_id, branch = repository.bucket_id, head.ref.name
    told = await staged.find_paths(tx, bucket_id, branch, list(write.states))
    waiting = await staged.count(tx, bucket_id, branch)
    return Staged(
        branch=branch,
        staged=waiting,
        changed=len(different),
        commit_id=head.commit_id.hex() if head.ref.auto_commit and head.commit_id else None,
        entries=[
            entry_info(
                path,
                entry,
                head.commit_id,
                told[path].staged_at if path in told else head.committed_at or head.ref.created_at,
                is_staged=path in told,
            )
            for path, entry in write.states.items()
            if entry is not None
        ],
        created=len(write.states) == 1 and not write.states.keys() & write.before.keys(),
    )


async def _commit(
    tx: Connection,
    cache: NodeCache,
    repository: Repository,
    head: Head,
    write: _Write,
    states: Mapping[str, Entry | None],
) -> Head:
    """Make a commit of a write; what else is staged stays so."""
    drafted = await history.draft(
        tx,
        cache,
        head,
        states,
        author=write.actor,
        message=write.message or title_of(write.before, states),
        operation=operation_of(write.before, states),
        committed_at=datetime.now(UTC),
    )
    head = await history.write(tx, cache, repository, drafted)
    await staging.restage(tx, cache, repository, head, without=states.keys())
    return head


def _described(entry: Entry, request: StageUpdate) -> Entry:
    return replace(
        entry,
        content_type=entry.content_type if request.content_type is UNSET else request.content_type,
        metadata=entry.metadata if request.metadata is UNSET else request.metadata,
        tags=entry.tags if request.tags is UNSET else request.tags,
    )


def _check_present(
    before: Mapping[str, Entry], states: Mapping[str, Entry | None], branch: str
) -> None:
    for path, entry in states.items():
        if entry is None and path not in before:
            raise FileNotFound(f"{path} is not on {branch}", path=path, ref=branch)


def _change(delta: Delta, told: StagedPath) -> StagedChange:
    return StagedChange(
        path=delta.path,
        before=_state(delta.before),
        after=_state(delta.after),
        staged_by=told.actor,
        staged_at=told.staged_at,
    )


def _state(entry: Entry | None) -> FileState | None:
    if entry is None:
        return None
    return FileState(sha256=entry.sha256.hex(), size=entry.size, content_type=entry.content_type)


def _refuse_main(branch: str) -> None:
    if branch == MAIN:
        raise MainMovesByCommits(
            "nothing is staged on it: what is written there is committed at once", branch=MAIN
        )
