"""Restores: files of a branch become as they were, in one commit that moves no bytes."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from libs.blobs import open_store
from libs.chassis.database import Database
from libs.contracts.problems import AnsweredWithProblem
from libs.contracts.storage import ApplyChanges, CreateBucket, PutContent, RemovePrefix
from libs.contracts.versioning import (
    CommitMade,
    CreateTag,
    GetCommit,
    ListVersions,
    Restore,
    Restored,
    Revert,
)
from tests.builders import a_bucket_name
from tests.platform import Platform
from tests.service.storage.bucket import ACTOR, Ask, Bucket
from tests.service.storage.refusals import refused_as
from tests.service.versioning.branching import Branching
from tests.waiting import eventually

BOTH = pytest.mark.parametrize("branch", ["main", "drafts"])
MANY = 20_000


@pytest.fixture
async def here(ask: Ask, platform: Platform) -> AsyncIterator[Branching]:
    """A bucket of which ``main`` and ``drafts`` were something else before."""
    name = a_bucket_name("restoring")
    await ask(CreateBucket(name=name, actor=ACTOR))
    async with open_store(platform.store_url) as store:
        here = Branching(Bucket(ask, store, name))
        await here.put(plan="one", gone="gone")
        await caught_up(here)
        await here.branch("drafts")
        yield here


async def restore(here: Branching, branch: str, *, to: str, **wish: Any) -> Restored:
    return await here.ask(
        Restore(bucket=here.name, branch=branch, to=to, actor=ACTOR, **wish), timeout_s=60.0
    )


async def caught_up(here: Branching) -> str:
    """Wait until history has all that storage did; return the head of main."""

    async def unchanged() -> Restored | None:
        try:
            return await restore(here, "main", to="main")
        except AnsweredWithProblem:  # a busy machine takes longer than a restore waits
            return None

    return (await eventually(unchanged, timeout_s=30.0)).commit_id


async def revert(here: Branching, branch: str, commit: str) -> CommitMade:
    return await here.ask(Revert(bucket=here.name, branch=branch, commit=commit, actor=ACTOR))


async def change(here: Branching, branch: str) -> None:
    """Leave nothing as it was."""
    if branch == "main":
        await here.put(plan="two", new="new")
        await here.bucket.delete("gone")
        await caught_up(here)
    else:
        await here.write(branch, plan="two", new="new", gone=None)


@BOTH
@pytest.mark.parametrize("by", ["tag", "time", "prefix", "steps"])
async def test_a_branch_is_restored_to_whatever_names_a_commit(
    here: Branching, branch: str, by: str
) -> None:
    commit_id = await here.head(branch)
    assert commit_id is not None
    await here.ask(CreateTag(bucket=here.name, name="v1", source=commit_id, actor=ACTOR))
    at = f"{branch}@{datetime.now(UTC).isoformat()}"
    length = len(await here.commits(branch))
    await change(here, branch)
    steps = len(await here.commits(branch)) - length

    refs = {"tag": "v1", "time": at, "prefix": commit_id[:10], "steps": f"{branch}~{steps}"}
    restored = await restore(here, branch, to=refs[by])

    assert restored.changed == 3
    assert await here.words(branch) == {"plan": "one", "gone": "gone"}
    (newest, *_) = await here.commits(branch)
    assert (newest.commit_id, newest.operation) == (restored.commit_id, "restore")


@BOTH
async def test_a_restore_is_undone_by_reverting_it(here: Branching, branch: str) -> None:
    before = await here.head(branch)
    assert before is not None
    await change(here, branch)
    after = await here.words(branch)
    restored = await restore(here, branch, to=before)

    undone = await revert(here, branch, restored.commit_id)

    assert await here.words(branch) == after
    assert undone.commit is not None
    assert (undone.commit.operation, undone.changed) == ("revert", 3)
    assert undone.commit.metadata == {"reverts": restored.commit_id}
    if branch == "main":
        assert await here.files() == after


async def test_a_restore_of_a_path_leaves_the_rest_alone(here: Branching) -> None:
    before = await here.head("main")
    assert before is not None
    await change(here, "main")

    await restore(here, "main", to=before, paths=["plan"])

    assert await here.files() == {"plan": "one", "new": "new"}


async def test_a_restore_expects_the_head_it_is_told(here: Branching) -> None:
    before = await here.head("drafts")
    assert before is not None
    await change(here, "drafts")

    with refused_as("stale-head"):
        await restore(here, "drafts", to=before, expect_head=before)


async def test_nothing_is_restored_to_what_nobody_knows(here: Branching) -> None:
    with refused_as("ref-not-found"):
        await restore(here, "main", to="nowhere")
    with refused_as("branch-not-found"):
        await restore(here, "nowhere", to="main")
    with refused_as("malformed-ref"):
        await restore(here, "main", to="@yesterday")


async def test_twenty_thousand_files_are_restored_in_one_transaction_and_one_commit(
    here: Branching, db_of: Callable[[str], Awaitable[Database]]
) -> None:
    storage = await db_of("storage")
    names = [f"many/{number:05}" for number in range(MANY)]
    for first in range(0, MANY, 5_000):
        some = [PutContent(path=p, sha256=here.sha256("one")) for p in names[first : first + 5_000]]
        await here.ask(ApplyChanges(bucket=here.name, actor=ACTOR, changes=list(some)))
    before = await caught_up(here)
    removal: list[Any] = [RemovePrefix(prefix="many/")]
    await here.ask(ApplyChanges(bucket=here.name, actor=ACTOR, changes=removal))
    await caught_up(here)
    seen: set[int] = set()

    async def watch() -> None:
        while True:
            seen.add(await count(storage, here.name))

    watching = asyncio.create_task(watch())
    restored = await restore(here, "main", to=before, prefix="many/")
    watching.cancel()

    assert restored.changed == MANY
    assert seen <= {2, MANY + 2}
    assert await count(storage, here.name) == MANY + 2
    told = await here.ask(GetCommit(bucket=here.name, ref="main", limit=1))
    assert (told.commit.commit_id, told.commit.files) == (restored.commit_id, MANY + 2)

    async def recorded() -> bool:
        found = await here.ask(ListVersions(bucket=here.name, path=names[-1]))
        return found.items[0].commit_id == restored.commit_id

    await eventually(recorded, timeout_s=30.0)
    assert (await here.commits("main"))[0].commit_id == restored.commit_id


async def count(storage: Database, bucket: str) -> int:
    """Return how many files the bucket has, all looked at in the same moment."""
    async with storage.connection() as conn:
        files: int = await conn.fetchval(
            """
            SELECT count(*)
            FROM file
            JOIN bucket USING (bucket_id)
            WHERE name = $1
                AND file.deleted_at IS NULL
            """,
            bucket,
        )
    return files
