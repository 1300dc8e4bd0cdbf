"""The one way in which versioning changes a branch: a plan of states becomes a commit on its head.

A plan is made on the head as it is, and made anew should that move before the commit is written,
so nobody's update is lost. The files of ``main`` are storage's, which applies a plan before it
becomes history.
"""

from collections.abc import Awaitable, Callable, Collection, Mapping
from datetime import UTC, datetime

from msgspec import Struct, field

from libs.chassis.bus import Bus
from libs.chassis.database import Connection, Database
from libs.contracts.versioning import EntryChange
from services.versioning import history
from services.versioning.domain import tree
from services.versioning.domain.commits import CommitId
from services.versioning.domain.errors import BranchProtected, StaleHead
from services.versioning.domain.tree import Entry
from services.versioning.history import Draft, Head
from services.versioning.repository import nodes
from services.versioning.repository.nodes import NodeCache
from services.versioning.repository.repositories import Repository
from services.versioning.settings import Settings


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


class Applier:
    """Turns plans into commits, on every branch."""

    def __init__(self, db: Database, bus: Bus, cache: NodeCache, settings: Settings) -> None:
        self._db = db
        self._bus = bus
        self._cache = cache
        self._settings = settings

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
        unless the branch is at ``expect_head``, and what ``planner`` raises.

        With ``fresh`` the history of ``main`` first catches up with storage, which a plan needs
        that is about more than the paths that it names. Without it that waits until it turns out
        that the history was behind.
        """
        async with self._db.transaction() as tx:
            head = await history.lock_branch(tx, repository, branch)
            _check(head, expect_head, may_write_protected=may_write_protected)
            planned = await planner(tx, head)
            drafted = await self._draft(tx, head, planned)
            if not drafted.states and not planned.change.even_empty:
                return Applied(head=head, changed=0, written=False, changes=[])
            head = await history.write(tx, self._cache, repository, drafted)
        return Applied(
            head=head, changed=len(drafted.states), written=True, changes=drafted.changes
        )

    async def _draft(self, tx: Connection, head: Head, planned: Planned) -> Draft:
        """Prepare the commit of those states that are not so already."""
        walk = tree.get(head.tree, planned.states)
        now = await nodes.drive(tx, self._cache, walk)
        change = planned.change
        return await history.draft(
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


def _check(head: Head, expect_head: CommitId | None, *, may_write_protected: bool) -> None:
    if expect_head is not None and head.commit_id != expect_head:
        raise StaleHead(
            f"{head.ref.name} is not at {expect_head.hex()[:12]}",
            branch=head.ref.name,
            head=head.commit_id.hex() if head.commit_id else None,
        )
    if head.ref.protected and not may_write_protected:
        raise BranchProtected(f"{head.ref.name} changes by merges only", branch=head.ref.name)
