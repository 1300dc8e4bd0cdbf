"""What lies behind a commit, and what two have in common, whatever branched and merged."""

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from random import Random
from uuid import UUID, uuid4

import pytest

from libs.chassis.database import Connection, Database
from services.versioning.domain.commits import Commit, CommitId
from services.versioning.domain.tree import EMPTY
from services.versioning.repository import ancestry, commits, lines, repositories
from services.versioning.repository.lines import Place
from tests.builders import a_bucket_name

BEGAN = datetime(2026, 1, 1, tzinfo=UTC)


class Graph:
    """Commits of one repository, and by each what is behind it."""

    def __init__(self, tx: Connection, bucket_id: UUID) -> None:
        self.tx = tx
        self.bucket_id = bucket_id
        self.places: dict[CommitId, Place] = {}
        self.behind: dict[CommitId, frozenset[CommitId]] = {}
        self.times: dict[CommitId, datetime] = {}

    async def commit(self, *parents: CommitId, new_line: bool = False) -> CommitId:
        """Write a commit behind ``parents``, as ``history`` does."""
        number = len(self.places)
        commit = Commit(
            tree=EMPTY.node_id,
            parents=parents,
            author="key:ann",
            committed_at=BEGAN + timedelta(minutes=number),
            operation="commit",
            message=str(number),
        )
        place = await self._place(self.places[parents[0]] if parents else None, new_line)
        commit_id = await commits.insert_commit(
            self.tx, self.bucket_id, place, commit, files=0, size=0
        )
        merged = [self.places[parent] for parent in parents[1:]]
        await lines.insert_merge_parents(self.tx, place, merged)
        self.places[commit_id] = place
        self.times[commit_id] = commit.committed_at
        self.behind[commit_id] = frozenset({commit_id}).union(
            *(self.behind[parent] for parent in parents)
        )
        return commit_id

    async def _place(self, first: Place | None, new_line: bool) -> Place:
        if first is not None and not new_line and await lines.is_last(self.tx, first):
            return Place(first.line_id, first.position + 1)
        line_id = await lines.insert_line(self.tx, self.bucket_id, first)
        return Place(line_id, first.position + 1 if first else 0)

    async def found_behind(self, commit_id: CommitId) -> set[CommitId]:
        """Return what is said to be behind a commit."""
        found = await ancestry.list_ancestors(self.tx, self.places[commit_id])
        return {other for other, place in self.places.items() if ancestry.contains(found, place)}

    async def bases(self, ours: CommitId, theirs: CommitId) -> list[CommitId]:
        return await ancestry.list_merge_bases(
            self.tx,
            self.bucket_id,
            await ancestry.list_ancestors(self.tx, self.places[ours]),
            await ancestry.list_ancestors(self.tx, self.places[theirs]),
        )

    def best(self, ours: CommitId, theirs: CommitId) -> list[CommitId]:
        """Return the common ancestors that no other has behind it, the newest first."""
        common = self.behind[ours] & self.behind[theirs]
        return sorted(
            (
                one
                for one in common
                if not any(one in self.behind[other] for other in common - {one})
            ),
            key=lambda one: self.times[one],
            reverse=True,
        )


@pytest.fixture
async def graph(db_of: Callable[[str], Awaitable[Database]]) -> AsyncIterator[Graph]:
    async with (await db_of("versioning")).transaction() as tx:
        bucket_id = uuid4()
        await repositories.lock_for_update(tx, bucket_id, a_bucket_name("graph"))
        yield Graph(tx, bucket_id)


async def test_branches_have_in_common_where_they_began(graph: Graph) -> None:
    root = await graph.commit()
    fork = await graph.commit(root)
    ours = await graph.commit(await graph.commit(fork))
    theirs = await graph.commit(fork)

    assert await graph.bases(ours, theirs) == [fork]
    assert await graph.bases(ours, fork) == [fork]


async def test_a_merge_moves_what_is_in_common(graph: Graph) -> None:
    fork = await graph.commit()
    main, branch = await graph.commit(fork), await graph.commit(fork, new_line=True)
    merge = await graph.commit(main, branch)
    later = await graph.commit(branch)

    assert await graph.bases(merge, later) == [branch]
    assert await graph.bases(later, merge) == [branch]


async def test_a_crosswise_merge_has_two_best_ones_the_newest_first(graph: Graph) -> None:
    fork = await graph.commit()
    ours, theirs = await graph.commit(fork), await graph.commit(fork, new_line=True)
    our_merge, their_merge = await graph.commit(ours, theirs), await graph.commit(theirs, ours)

    assert graph.best(our_merge, their_merge) == [theirs, ours]
    assert await graph.bases(our_merge, their_merge) == [theirs, ours]


async def test_histories_of_their_own_have_nothing_in_common(graph: Graph) -> None:
    ours, theirs = await graph.commit(), await graph.commit()

    assert await graph.bases(ours, theirs) == []


@pytest.mark.parametrize("seed", range(6))
async def test_random_histories_are_as_sets_say(graph: Graph, seed: int) -> None:
    random = Random(seed)
    written = [await graph.commit()]
    for _ in range(60):
        # Mostly near the end, as branches are, and sometimes from long ago or from nothing.
        near = written[-6:] if random.random() < 0.8 else written
        parents = random.sample(near, min(len(near), random.choice([1, 1, 1, 2, 2, 3])))
        if random.random() < 0.03:
            parents = []
        written.append(await graph.commit(*parents, new_line=random.random() < 0.2))

    for one in random.sample(written, 20):
        assert await graph.found_behind(one) == graph.behind[one]
    for _ in range(60):
        ours, theirs = random.choice(written), random.choice(written)
        assert await graph.bases(ours, theirs) == graph.best(ours, theirs)
