"""F1 and F14: whoever makes a commit dies by kill -9, or there are two of them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import pytest

from libs.blobs import open_store
from libs.chassis.bus import Bus
from libs.contracts.base import R, Request
from libs.contracts.problems import AnsweredWithProblem, ServiceUnavailable
from libs.contracts.storage import ApplyChanges, CreateBucket, PutContent, RemovePrefix
from libs.contracts.versioning import (
    CommitInfo,
    CreateCommit,
    ListVersions,
    Merge,
    Restore,
    Restored,
)
from tests.builders import a_bucket_name
from tests.faults.processes import dying, started
from tests.platform import Platform
from tests.service.storage.bucket import ACTOR, Bucket
from tests.service.versioning.branching import Branching
from tests.waiting import eventually

POINTS = pytest.mark.parametrize("point", ["before_apply", "after_apply", "after_landing"])
FILES = 3_000
GIVES_UP_AFTER_S = 8.0


@pytest.fixture
async def here(admin_bus: Bus, platform: Platform) -> AsyncIterator[Branching]:
    """A bucket whose main is ahead of and behind the branch ``drafts``."""

    async def ask(request: Request[R], *, timeout_s: float = 10.0) -> R:
        return await admin_bus.ask(request, timeout_s=timeout_s)

    name = a_bucket_name("dying")
    await ask(CreateBucket(name=name, actor=ACTOR))
    async with open_store(platform.store_url) as store:
        here = Branching(Bucket(ask, store, name))
        await here.put(plan="one", gone="gone")
        await caught_up(here)
        await here.branch("drafts")
        await here.write("drafts", plan="two", gone=None, new="new")
        await here.put(other="other")
        await caught_up(here)
        yield here


@POINTS
async def test_a_merge_whose_maker_dies_is_made_once_or_not_at_all(
    platform: Platform, here: Branching, point: str
) -> None:
    before, source = await here.commits("main"), await here.head("drafts")

    merge = Merge(bucket=here.name, source="drafts", into="main", actor=ACTOR, message="join")
    await ask_who_dies(platform, here, point, merge)
    await caught_up(here)

    after = await here.commits("main")
    if point == "before_apply":
        assert after == before
        assert await here.files() == {"plan": "one", "gone": "gone", "other": "other"}
        assert (await here.merge("drafts")).changed == 3
        return
    made, *rest = after
    assert rest == before
    assert made.parents == [before[0].commit_id, source]
    assert (made.message, made.operation, made.author) == ("join", "merge", ACTOR)
    assert await here.files() == {"plan": "two", "new": "new", "other": "other"}
    assert await here.words("main") == await here.files()
    await all_of(here, made, "plan", "gone", "new")
    assert (await here.merge("drafts")).commit is None


@POINTS
async def test_a_restore_of_many_files_whose_maker_dies_is_made_once_or_not_at_all(
    platform: Platform, here: Branching, point: str
) -> None:
    names = [f"many/{number:04}" for number in range(FILES)]
    puts: list[Any] = [PutContent(path=path, sha256=here.sha256("one")) for path in names]
    await here.ask(ApplyChanges(bucket=here.name, actor=ACTOR, changes=puts))
    full = await caught_up(here)
    removal: list[Any] = [RemovePrefix(prefix="many/")]
    await here.ask(ApplyChanges(bucket=here.name, actor=ACTOR, changes=removal))
    await caught_up(here)
    before = await here.commits("main")

    restore = Restore(bucket=here.name, to=full, actor=ACTOR, prefix="many/")
    await ask_who_dies(platform, here, point, restore)
    await caught_up(here)

    after = await here.commits("main")
    if point == "before_apply":
        assert after == before
        assert (await here.ask(restore)).changed == FILES
        return
    made, *rest = after
    assert rest == before
    assert (made.operation, made.parents) == ("restore", [before[0].commit_id])
    assert made.files == FILES + 3
    assert (await here.ask(restore)).changed == 0
    await all_of(here, made, names[0], names[-1])


async def test_files_that_change_while_a_commit_s_maker_is_dead_are_not_lost(
    platform: Platform, here: Branching
) -> None:
    await here.hold("three")
    before = (await here.commits("main"))[0]
    change = PutContent(path="plan", sha256=here.sha256("three"))
    commit = CreateCommit(bucket=here.name, actor=ACTOR, changes=[change], message="mine")

    async with dying(platform, "versioning", "after_apply"):
        with pytest.raises(ServiceUnavailable):
            await here.ask(commit, timeout_s=GIVES_UP_AFTER_S)
        await here.put(plan="four", other="five")
        await here.bucket.delete("gone")
    await eventually(lambda: answers(here))
    await caught_up(here)

    words = {"plan": "four", "other": "five"}
    assert await here.files() == await here.words("main") == words
    made = [one for one in await here.commits("main") if one.message == "mine"]
    assert [(one.operation, one.parents) for one in made] == [("commit", [before.commit_id])]


async def test_two_who_commit_at_once_lose_no_update(platform: Platform, here: Branching) -> None:
    """F14: requests are shared out over both, and so are the events of storage."""
    words = [f"word {number}" for number in range(30)]
    await here.hold(*words)
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(started(platform, "versioning", {}))

        async def commit(number: int) -> None:
            paths = (f"own/{number}", "shared")
            changes = [PutContent(path=p, sha256=here.sha256(words[number])) for p in paths]
            await here.ask(
                CreateCommit(bucket=here.name, actor=ACTOR, changes=[*changes], message="shared")
            )

        first = (await here.commits("main"))[0].commit_id
        await asyncio.gather(
            *map(commit, range(30)),
            *(here.put(**{f"put/{number}": "put"}) for number in range(20)),
            here.ask(Restore(bucket=here.name, to=first, actor=ACTOR, paths=["plan", "gone"])),
        )
        await caught_up(here)

    files = await here.files()
    assert {path: word for path, word in files.items() if path.startswith("own/")} == {
        f"own/{number}": word for number, word in enumerate(words)
    }
    assert await here.words("main") == files
    assert sum(path.startswith("put/") for path in files) == 20
    made = [one for one in await here.commits("main") if one.message == "shared"]
    assert len(made) == 30
    shared = (await here.ask(ListVersions(bucket=here.name, path="shared"))).items
    assert len(shared) == len({state.commit_id for state in shared}) == 30
    assert {state.commit_id for state in shared} == {one.commit_id for one in made}


async def ask_who_dies(
    platform: Platform, here: Branching, point: str, request: Request[Any]
) -> None:
    """Have versioning die while it answers; it comes back."""
    async with dying(platform, "versioning", point):
        with pytest.raises(ServiceUnavailable):
            await here.ask(request, timeout_s=GIVES_UP_AFTER_S)
    await eventually(lambda: answers(here))


async def answers(here: Branching) -> bool:
    try:
        await here.head("main")
    except ServiceUnavailable:
        return False
    return True


async def caught_up(here: Branching) -> str:
    """Wait until history has all that storage did; return the head of main."""

    async def unchanged() -> Restored | None:
        try:
            return await here.ask(
                Restore(bucket=here.name, to="main", actor=ACTOR, prefix="nowhere/")
            )
        except AnsweredWithProblem:
            return None

    return (await eventually(unchanged, timeout_s=30.0)).commit_id


async def all_of(here: Branching, made: CommitInfo, *paths: str) -> None:
    """Assert that the last versions of these paths are those of one commit."""
    for path in paths:
        newest = (await here.ask(ListVersions(bucket=here.name, path=path))).items[0]
        assert newest.commit_id == made.commit_id, path
