"""The one way in which versioning changes a branch: a plan of states becomes a commit on its head.

A plan is made on the head as it is, and made anew should that move before the commit is written,
so nobody's update is lost. The files of ``main`` are storage's: it applies the changes before they
become history. Such a commit is kept as pending before storage is asked, and storage's events name
it; if this process dies in between, whoever records them writes that commit (``landing``).
"""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from itertools import chain
from uuid import UUID
from weakref import WeakValueDictionary

from msgspec import Struct, field

from libs.chassis.bus import Bus
from libs.chassis.crashpoint import crashpoint
from libs.chassis.database import Connection, Database
from libs.contracts.problems import AnsweredWithProblem, Problem, ServiceUnavailable
from libs.contracts.storage import ChangesApplied
from libs.contracts.versioning import EntryChange
from services.versioning import asking_storage, contents, history, landing, staging, wholeness
from services.versioning.asking_storage import FilesDiffer, Meant
from services.versioning.catching_up import catch_up
from services.versioning.domain import tree
from services.versioning.domain.commits import CommitId
from services.versioning.domain.errors import BranchProtected, MainContended, StaleHead
from services.versioning.domain.refs import MAIN
from services.versioning.domain.tree import Entry
from services.versioning.history import Draft, Head
from services.versioning.repository import nodes, pending, repositories
from services.versioning.repository.nodes import NodeCache
from services.versioning.repository.repositories import Repository
from services.versioning.settings import Settings

CONTENDED_FOR_S = 20.0
"""How long a commit to main is tried again while the files that it is about change."""

LONGEST_PAUSE_S = 0.1
SERVER_FAILURE = 500


class Change(Struct, frozen=True, kw_only=True):
    """What a commit will be, beside the states that it sets."""

    author: str
    message: str
    operation: str
    metadata: dict[str, str] = field(default_factory=dict)
    merges: tuple[CommitId, ...] = ()
    """Its parents behind the head."""
    even_empty: bool = False
    """There is a commit although no path changes, as a merge may need."""


class Planned(Struct, frozen=True, kw_only=True):
    """What a commit is to make of a branch."""

    states: Mapping[str, Entry | None]
    """What paths become, None where they are removed; those that are so already are left out."""
    change: Change
    reads: Collection[str] = ()
    """Further paths that the plan depends on: they must not change meanwhile."""
    held: Collection[str] = ()
    """Digests of bytes that storage holds; a branch may name others that are in history."""
    replaces_staged: bool = False
    """What is staged of these paths is not any more; otherwise it stays staged on the commit."""


Planner = Callable[[Connection, Head], Awaitable[Planned]]
"""Makes a plan on a head; it may raise problems, and is called again on another head."""


class Applied(Struct, frozen=True, kw_only=True):
    """What became of a plan."""

    head: Head
    """The new commit, or where the branch stood when nothing had to change."""
    changed: int
    written: bool
    """Whether there is a new commit."""
    changes: list[EntryChange]
    """The first 100."""


class Wanted(Struct, frozen=True, kw_only=True):
    """What is asked of a branch."""

    repository: Repository
    branch: str
    planner: Planner
    expect_head: CommitId | None
    may_write_protected: bool


class Applier:
    """Turns plans into commits, on every branch."""

    def __init__(self, db: Database, bus: Bus, cache: NodeCache, settings: Settings) -> None:
        self._db = db
        self._bus = bus
        self._cache = cache
        self._settings = settings
        self._turns: WeakValueDictionary[UUID, asyncio.Lock] = WeakValueDictionary()
        # Each turn keeps a connection while its transactions take others.
        self._turns_at_once = asyncio.Semaphore(max(1, settings.pool_size // 3))

    async def commit(
        self,
        repository: Repository,
        branch: str,
        planner: Planner,
        *,
        expect_head: CommitId | None = None,
        may_write_protected: bool = False,
        fresh: bool = True,
    ) -> Applied:
        """Commit what ``planner`` wants of ``branch``: all of it, or nothing.

        Raises ``BranchNotFound``, ``BranchProtected`` unless ``may_write_protected``, ``StaleHead``
        unless the branch is at ``expect_head``, and what ``planner`` raises. Of ``main`` also what
        storage answers, and ``MainContended`` when files changed during every try.

        With ``fresh`` the history of ``main`` first catches up with storage, which a plan needs
        that is about more than the paths that it names. Without it that waits until it turns out
        that the history was behind.
        """
        wanted = Wanted(
            repository=repository,
            branch=branch,
            planner=planner,
            expect_head=expect_head,
            may_write_protected=may_write_protected,
        )
        if branch != MAIN:
            return await self._commit_to_branch(wanted)
        if not fresh:
            try:
                return await self._commit_to_main(wanted)
            except (AnsweredWithProblem, ServiceUnavailable):
                raise
            except (FilesDiffer, Problem):
                pass  # History may have been behind: look again when it is not.
        return await self._commit_when_caught_up(wanted)

    async def _commit_to_branch(self, wanted: Wanted) -> Applied:
        repository = wanted.repository
        async with self._db.transaction() as tx:
            head, planned, meant = await self._plan(tx, wanted)
            drafted = meant.drafted
            if not _makes_a_commit(planned, drafted):
                return _unchanged(head)
            new = _digests(drafted.states) - set(planned.held)
            await contents.check_named(tx, repository.bucket_id, wanted.branch, new, None)
            head = await history.write(tx, self._cache, repository, drafted)
            replaced = planned.states if planned.replaces_staged else ()
            await staging.restage(tx, self._cache, repository, head, without=replaced)
        return _applied(head, drafted)

    async def _commit_when_caught_up(self, wanted: Wanted) -> Applied:
        repository = wanted.repository
        blind = False
        began = time.monotonic()
        while time.monotonic() < began + CONTENDED_FOR_S:
            await catch_up(repository.bucket, self._db, self._bus, self._settings.mark_timeout_s)
            try:
                return await self._commit_to_main(wanted, blind=blind)
            except FilesDiffer:
                # Where files do not become history, it cannot know what to expect of them.
                blind = not await asking_storage.is_recorded(self._bus, repository)
                await asyncio.sleep(random.uniform(0, LONGEST_PAUSE_S))
        raise MainContended(
            f"files of {repository.bucket} change faster than this can be done", retry_after_s=1
        )

    async def _commit_to_main(self, wanted: Wanted, *, blind: bool = False) -> Applied:
        """Plan, let storage apply, write the commit, while nobody else plans another one."""
        async with self._turn(wanted.repository):
            return await self._commit_in_turn(wanted, blind=blind)

    @asynccontextmanager
    async def _turn(self, repository: Repository) -> AsyncIterator[None]:
        """Keep other planned commits from this main, in every process, until this one is written.

        A plan may depend on more than files: on the head that was expected, on what was merged.
        Whoever waits here in this process does so without a connection.
        """
        turn = self._turns.setdefault(repository.bucket_id, asyncio.Lock())
        async with turn, self._turns_at_once, self._db.transaction() as tx:
            await repositories.lock_for_planning(tx, repository.bucket_id)
            yield

    async def _commit_in_turn(self, wanted: Wanted, *, blind: bool) -> Applied:
        """Do it in a transaction for each step.

        Where storage does not answer, its events will tell whether it applied the commit.
        """
        async with self._db.transaction() as tx:
            head, planned, meant = await self._plan(tx, wanted)
            drafted = meant.drafted
            if not _makes_a_commit(planned, drafted):
                return _unchanged(head)
            if not drafted.states:
                head = await history.write(tx, self._cache, wanted.repository, drafted)
                return _applied(head, drafted)
            await landing.keep(tx, wanted.repository, drafted)
        self._cache.keep({new.node_id: new.node for new in drafted.edited.nodes.values()})
        crashpoint("before_apply")
        answer = await self._ask(wanted.repository, meant, blind=blind)
        crashpoint("after_apply")
        async with self._db.transaction() as tx:
            head = await landing.finish(tx, self._cache, wanted.repository, drafted, answer)
        crashpoint("after_landing")
        return _applied(head, drafted)

    async def _plan(self, tx: Connection, wanted: Wanted) -> tuple[Head, Planned, Meant]:
        """Prepare the commit of those states that are not so already."""
        head = await history.lock_branch(tx, wanted.repository, wanted.branch)
        check_branch(head, wanted.expect_head, may_write_protected=wanted.may_write_protected)
        planned = await wanted.planner(tx, head)
        walk = tree.get(head.tree, chain(planned.states, planned.reads))
        now = await nodes.drive(tx, self._cache, walk)
        change = planned.change
        drafted = await history.draft(
            tx,
            self._cache,
            head,
            {path: state for path, state in planned.states.items() if now.get(path) != state},
            author=change.author,
            message=change.message,
            operation=change.operation,
            committed_at=datetime.now(UTC),
            metadata=change.metadata,
            merges=change.merges,
        )
        await _check_kept(tx, wanted.repository, drafted.states, planned.held)
        return head, planned, Meant(drafted, now, planned.reads)

    async def _ask(self, repository: Repository, meant: Meant, *, blind: bool) -> ChangesApplied:
        try:
            return await asking_storage.apply(
                self._bus,
                repository,
                meant,
                blind=blind,
                timeout_s=self._settings.apply_timeout_s,
            )
        except (FilesDiffer, AnsweredWithProblem) as refusal:
            if not _may_have_happened(refusal):
                async with self._db.connection() as conn:
                    await pending.delete_pending(
                        conn, repository.bucket_id, meant.drafted.commit_id
                    )
            raise


def check_branch(
    head: Head, expect_head: CommitId | None, *, may_write_protected: bool = False
) -> None:
    """Raise unless somebody may commit to the branch, and it is where they think."""
    if expect_head is not None and head.commit_id != expect_head:
        raise StaleHead(
            f"{head.ref.name} is not at {expect_head.hex()[:12]}",
            branch=head.ref.name,
            head=head.commit_id.hex() if head.commit_id else None,
        )
    if head.ref.protected and not may_write_protected:
        raise BranchProtected(
            f"write on another branch and merge it into {head.ref.name}", branch=head.ref.name
        )


async def _check_kept(
    tx: Connection,
    repository: Repository,
    states: Mapping[str, Entry | None],
    held: Collection[str],
) -> None:
    """Raise ``VersionExpired`` for content that was given up, unless somebody brought it anew."""
    named = {path: entry for path, entry in states.items() if entry is not None}
    old = {path: entry for path, entry in named.items() if entry.sha256.hex() not in held}
    await wholeness.check_kept(tx, repository.bucket_id, old)


def _digests(states: Mapping[str, Entry | None]) -> set[str]:
    return {entry.sha256.hex() for entry in states.values() if entry is not None}


def _makes_a_commit(planned: Planned, drafted: Draft) -> bool:
    return bool(drafted.states) or planned.change.even_empty


def _may_have_happened(refusal: Exception) -> bool:
    return isinstance(refusal, Problem) and refusal.details().status >= SERVER_FAILURE


def _unchanged(head: Head) -> Applied:
    return Applied(head=head, changed=0, written=False, changes=[])


def _applied(head: Head, drafted: Draft) -> Applied:
    return Applied(head=head, changed=len(drafted.states), written=True, changes=drafted.changes)
