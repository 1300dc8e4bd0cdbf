"""Branches: making, moving and deleting them, and what is decided about them."""

from msgspec import UNSET

from libs.chassis import outbox
from libs.chassis.bus import Bus
from libs.chassis.database import Connection, Database
from libs.chassis.rpc import serves
from libs.contracts.base import Done
from libs.contracts.pages import fitting
from libs.contracts.storage import UpdateBucket
from libs.contracts.versioning import (
    BranchInfo,
    BranchList,
    CreateBranch,
    DeleteBranch,
    GetBranch,
    ListBranches,
    RefMoved,
    UpdateBranch,
)
from services.versioning import history, staging
from services.versioning.catching_up import catch_up_if_named
from services.versioning.domain.commits import CommitId
from services.versioning.domain.errors import (
    BranchProtected,
    MainMovesByCommits,
    StagedChanges,
    StaleHead,
)
from services.versioning.domain.refs import MAIN
from services.versioning.history import Head
from services.versioning.repository import refs, repositories, staged
from services.versioning.repository.nodes import NodeCache
from services.versioning.repository.refs import BranchSettings, Ref
from services.versioning.repository.repositories import Repository
from services.versioning.settings import Settings
from services.versioning.states import find_commit_id
from services.versioning.wholeness import check_whole


@serves(ListBranches)
async def list_branches(request: ListBranches, db: Database) -> BranchList:
    async with db.connection() as conn:
        repository = await repositories.get_repository(conn, request)
        found = await refs.list_branches(
            conn,
            repository.bucket_id,
            prefix=request.prefix,
            start_after=request.start_after,
            limit=request.limit + 1,
        )
    page = fitting([_info(ref, count) for ref, count in found[: request.limit]])
    return BranchList(list(page), page[-1].name if len(page) < len(found) else None)


@serves(GetBranch)
async def get_branch(request: GetBranch, db: Database) -> BranchInfo:
    async with db.connection() as conn:
        repository = await repositories.get_repository(conn, request)
        return await _read(conn, repository, request.name)


@serves(CreateBranch)
async def create_branch(
    request: CreateBranch, db: Database, bus: Bus, cache: NodeCache, settings: Settings
) -> BranchInfo:
    await catch_up_if_named(request.source, request.bucket, db, bus, settings.mark_timeout_s)
    async with db.transaction() as tx:
        repository = await repositories.get_repository(tx, request)
        commit_id = await find_commit_id(tx, repository.bucket_id, request.source)
        if commit_id is not None:
            await check_whole(tx, cache, repository.bucket_id, commit_id)
        ref = await refs.insert_branch(
            tx,
            repository.bucket_id,
            request.name,
            commit_id,
            created_by=request.actor,
            settings=BranchSettings(
                protected=request.protected,
                required_checks=_names(request.required_checks),
                auto_commit=request.auto_commit,
            ),
        )
        await announce_moved(tx, repository, request.name, None, commit_id, request.actor)
    return _info(ref, 0)


@serves(UpdateBranch)
async def update_branch(
    request: UpdateBranch, db: Database, bus: Bus, cache: NodeCache, settings: Settings
) -> BranchInfo:
    if request.to is not None:
        _refuse_main(request.name)
        await catch_up_if_named(request.to, request.bucket, db, bus, settings.mark_timeout_s)
    async with db.transaction() as tx:
        repository = await repositories.get_repository(tx, request)
        head = await history.lock_branch(tx, repository, request.name)
        _check_head(head, request.expect)
        wanted = _wanted(head.ref, request)
        if request.to is not None:
            if head.ref.protected and wanted.protected:
                raise BranchProtected(
                    f"unprotect {request.name}, or merge into it", branch=request.name
                )
            await _reset(tx, cache, repository, head, request)
        await refs.set_settings(tx, repository.bucket_id, request.name, wanted)
        if head.ref.is_main and request.protected is not UNSET:
            # Said again, too: should this transaction fail after all, that makes both agree.
            await bus.ask(
                UpdateBucket(name=request.bucket, actor=request.actor, protected=wanted.protected)
            )
        return await _read(tx, repository, request.name)


@serves(DeleteBranch)
async def delete_branch(request: DeleteBranch, db: Database) -> Done:
    _refuse_main(request.name)
    async with db.transaction() as tx:
        repository = await repositories.get_repository(tx, request)
        head = await history.lock_branch(tx, repository, request.name)
        _check_head(head, request.expect)
        if head.ref.protected:
            raise BranchProtected(f"{request.name} is protected", branch=request.name)
        await _clear(tx, repository, head, discard=request.discard)
        await refs.delete_ref(tx, repository.bucket_id, request.name)
        await announce_moved(tx, repository, request.name, head.commit_id, None, request.actor)
    return Done()


async def announce_moved(
    tx: Connection,
    repository: Repository,
    name: str,
    before: CommitId | None,
    after: CommitId | None,
    actor: str,
) -> None:
    """Tell that a ref names another commit; where it never named one there is nothing to tell."""
    if before == after:
        return
    moved = RefMoved(
        bucket=repository.bucket,
        bucket_id=repository.bucket_id,
        ref=name,
        before=before.hex() if before else None,
        after=after.hex() if after else None,
        actor=actor,
    )
    await outbox.add(tx, moved)


async def _reset(
    tx: Connection, cache: NodeCache, repository: Repository, head: Head, request: UpdateBranch
) -> None:
    """Let a branch name another commit; what was only on it stays for a grace, under its own id."""
    target = await find_commit_id(tx, repository.bucket_id, request.to or MAIN)
    if target is not None:
        await check_whole(tx, cache, repository.bucket_id, target)
    await _clear(tx, repository, head, discard=request.discard)
    if target == head.commit_id:
        return
    name = head.ref.name
    await refs.move_branch(tx, repository.bucket_id, name, target, head.ref.line_id)
    await announce_moved(tx, repository, name, head.commit_id, target, request.actor)


async def _clear(tx: Connection, repository: Repository, head: Head, *, discard: bool) -> None:
    """Forget what is staged; raises ``StagedChanges`` unless that is wanted."""
    waiting = await staged.count(tx, repository.bucket_id, head.ref.name)
    if waiting and not discard:
        raise StagedChanges(
            f"{waiting} staged paths would be lost: commit or discard them",
            branch=head.ref.name,
            staged=waiting,
        )
    if waiting:
        await staging.discard_all(tx, repository, head.ref.name)


async def _read(conn: Connection, repository: Repository, name: str) -> BranchInfo:
    ref = await refs.get_branch(conn, repository.bucket_id, name)
    return _info(ref, await staged.count(conn, repository.bucket_id, name))


def _wanted(ref: Ref, request: UpdateBranch) -> BranchSettings:
    """Return what is decided about the branch after the request."""
    if ref.is_main and request.auto_commit is False:
        raise MainMovesByCommits("what is written there is committed at once", branch=ref.name)
    checks = request.required_checks
    return BranchSettings(
        protected=ref.protected if request.protected is UNSET else request.protected,
        required_checks=ref.required_checks if checks is UNSET else _names(checks),
        auto_commit=ref.auto_commit if request.auto_commit is UNSET else request.auto_commit,
    )


def _names(checks: list[str]) -> list[str]:
    return sorted(set(checks))


def _refuse_main(name: str) -> None:
    if name == MAIN:
        raise MainMovesByCommits(
            "restore what it was to move it back, as it shows the present files", branch=name
        )


def _check_head(head: Head, expect: str | None) -> None:
    now = head.commit_id.hex() if head.commit_id else None
    if expect is not None and now != expect:
        raise StaleHead(f"{head.ref.name} is not at {expect[:12]}", branch=head.ref.name, head=now)


def _info(ref: Ref, waiting: int) -> BranchInfo:
    return BranchInfo(
        name=ref.name,
        commit_id=ref.commit_id.hex() if ref.commit_id else None,
        created_at=ref.created_at,
        created_by=ref.created_by,
        moved_at=ref.moved_at,
        is_default=ref.is_main,
        protected=ref.protected,
        required_checks=ref.required_checks,
        auto_commit=ref.auto_commit or ref.is_main,
        staged=waiting,
    )
