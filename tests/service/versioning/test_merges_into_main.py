"""Merges into main: storage changes all files in one transaction, and nobody loses anything."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from libs.blobs import open_store
from libs.contracts.problems import AnsweredWithProblem
from libs.contracts.storage import CreateBucket
from libs.contracts.versioning import ListVersions, Merged, ReportCheck, UpdateBranch
from tests.builders import a_bucket_name
from tests.platform import Platform
from tests.service.storage.bucket import ACTOR, Ask, Bucket
from tests.service.storage.refusals import refused_as
from tests.service.versioning.branching import Branching
from tests.waiting import eventually


@pytest.fixture
async def here(ask: Ask, platform: Platform) -> AsyncIterator[Branching]:
    """A bucket whose files on main are also on the branch ``theirs``."""
    name = a_bucket_name("merging")
    await ask(CreateBucket(name=name, actor=ACTOR))
    async with open_store(platform.store_url) as store:
        here = Branching(Bucket(ask, store, name))
        await here.put(kept="kept", plan="one", gone="gone")
        await recorded(here)
        await here.branch("theirs")
        yield here


async def recorded(here: Branching) -> None:
    """Wait until history has what storage has."""

    async def same() -> bool:
        return await is_known(here) and await here.words("main") == await here.files()

    await eventually(same)


async def is_known(here: Branching) -> bool:
    """Tell whether versioning has heard of the bucket yet."""
    try:
        await here.head("main")
    except AnsweredWithProblem:
        return False
    return True


async def test_files_of_main_are_as_merged(here: Branching) -> None:
    theirs = await here.write("theirs", plan="two", gone=None, new="new")
    head = await here.head("main")

    merged = await here.merge("theirs")

    assert await here.files() == {"kept": "kept", "plan": "two", "new": "new"}
    assert await here.words("main") == await here.files()
    assert merged.commit is not None
    assert merged.commit.parents == [head, theirs]
    assert await here.head("main") == merged.commit.commit_id
    versions = await here.ask(ListVersions(bucket=here.name, path="plan"))
    assert [version.sha256 for version in versions.items] == [
        here.sha256("two"),
        here.sha256("one"),
    ]
    assert versions.items[0].commit_id == merged.commit.commit_id


async def test_what_was_put_a_moment_ago_is_merged_as_well(here: Branching) -> None:
    await here.put(plan="two", late="late")
    await here.write("theirs", plan="three")

    told = await here.conflicts("theirs")
    rehearsed = await here.merge("theirs", dry_run=True)
    merged = await here.merge("main", "theirs", otherwise="ours")

    assert told["conflicts_total"] == rehearsed.conflicts_total == 1
    assert merged.changed == 1
    assert (await here.words("theirs"))["late"] == "late"
    assert await here.files() == {"kept": "kept", "plan": "two", "gone": "gone", "late": "late"}


async def test_an_empty_main_begins_with_what_is_merged_into_it(
    ask: Ask, platform: Platform
) -> None:
    name = a_bucket_name("merging")
    await ask(CreateBucket(name=name, actor=ACTOR))
    async with open_store(platform.store_url) as store:
        here = Branching(Bucket(ask, store, name))
        await eventually(lambda: is_known(here))
        await here.branch("theirs")
        theirs = await here.write("theirs", plan="one", new="new")

        merged = await here.merge("theirs")
        await here.put(later="later")
        await recorded(here)

    assert (merged.base, merged.changed) == (None, 2)
    assert merged.commit is not None
    assert merged.commit.parents == [theirs]
    assert await here.files() == {"plan": "one", "new": "new", "later": "later"}
    assert [commit.commit_id for commit in await here.commits("main")][1:] == [
        merged.commit.commit_id,
        theirs,
    ]


async def test_a_merge_without_changes_asks_storage_for_nothing(here: Branching) -> None:
    theirs = await here.write("theirs", plan="two")
    await here.put(plan="two")

    merged = await here.merge("theirs")

    assert merged.commit is not None
    assert (merged.changed, merged.commit.parents[1]) == (0, theirs)
    assert (await here.bucket.get("plan")).file.revision == 2


async def test_a_squash_into_main_can_be_merged_again(here: Branching) -> None:
    await here.write("theirs", new="new")
    squashed = await here.merge("theirs", squash=True)
    await here.write("theirs", newer="newer")

    merged = await here.merge("theirs")

    assert squashed.commit is not None
    assert len(squashed.commit.parents) == 1
    assert merged.changed == 1
    assert (await here.files())["newer"] == "newer"


async def test_a_protected_main_takes_merges_of_what_its_checks_passed(here: Branching) -> None:
    theirs = await here.write("theirs", new="new")
    await here.ask(
        UpdateBranch(
            bucket=here.name, name="main", actor=ACTOR, protected=True, required_checks=["tests"]
        )
    )
    with refused_as("checks-missing", checks=["tests"]):
        await here.merge("theirs")
    with refused_as("checks-missing", checks=["tests"]):
        await here.merge("theirs", dry_run=True)

    await here.ask(
        ReportCheck(bucket=here.name, commit=theirs, name="tests", state="passed", actor=ACTOR)
    )
    merged = await here.merge("theirs")

    assert merged.changed == 1
    assert (await here.files())["new"] == "new"


async def test_two_merges_of_the_same_branch_at_once_are_one(here: Branching) -> None:
    await here.write("theirs", plan="two", new="new")

    merged = await asyncio.gather(*(patiently(here, "theirs") for _ in range(3)))

    assert sum(one.commit is not None for one in merged) == 1
    assert (await here.bucket.get("plan")).file.revision == 2
    await recorded(here)


async def test_of_two_merges_at_once_that_resolve_differently_only_one_is_made(
    here: Branching,
) -> None:
    for turn in range(6):
        before = await here.write("theirs", plan=f"theirs {turn}")
        await here.put(plan=f"ours {turn}")
        await recorded(here)

        made = await asyncio.gather(
            here.merge("theirs", otherwise="ours"), here.merge("theirs", otherwise="theirs")
        )

        commits = [merged.commit for merged in made if merged.commit is not None]
        assert [commit.parents[1] for commit in commits] == [before]
        assert await here.words("main") == await here.files()


async def test_merges_into_main_at_once_are_all_kept(here: Branching) -> None:
    branches = [f"branch-{number}" for number in range(5)]
    for name in branches:
        await here.branch(name)
        await here.write(name, **{name: name, "plan": "two"})

    merged = await asyncio.gather(*(patiently(here, name) for name in branches))

    assert await here.files() == {
        "kept": "kept",
        "gone": "gone",
        "plan": "two",
        **{name: name for name in branches},
    }
    await recorded(here)
    made = [one.commit.commit_id for one in merged if one.commit is not None]
    written = [commit.commit_id for commit in await here.commits("main")]
    assert len(set(made)) == len(branches)
    assert set(made) <= set(written)
    for name in branches:
        assert (await here.merge(name)).commit is None


async def test_what_is_put_during_merges_is_never_lost(here: Branching) -> None:
    """A put is merged over only by a merge that saw it: the last one wins, and all are history."""
    branches = [f"branch-{number}" for number in range(4)]
    for name in branches:
        await here.branch(name)
        await here.write(name, **{name: name, f"both-{name}": "theirs"})

    async def put_on() -> None:
        for number in range(6):
            await here.put(**{f"put-{number}": f"put-{number}"})
            await here.put(**{f"both-branch-{number % 4}": f"ours-{number}"})

    outcomes = await asyncio.gather(
        put_on(),
        *(patiently(here, name) for name in branches),
        return_exceptions=True,
    )

    assert outcomes[0] is None
    files = await here.files()
    assert {f"put-{number}" for number in range(6)} <= files.keys()
    for name, outcome in zip(branches, outcomes[1:], strict=True):
        both = files[f"both-{name}"]
        if isinstance(outcome, Merged):
            assert files[name] == name
        else:
            assert isinstance(outcome, AnsweredWithProblem), outcome
            assert outcome.named == "merge-conflict", outcome
            assert name not in files
            assert both != "theirs"
    await recorded(here)
    for number in range(6):
        path = f"both-branch-{number % 4}"
        versions = await here.ask(ListVersions(bucket=here.name, path=path))
        assert here.sha256(f"ours-{number}") in {version.sha256 for version in versions.items}


async def patiently(here: Branching, name: str) -> Merged:
    """Merge into main, again as often as it is told to try again."""
    while True:
        try:
            return await here.merge(name)
        except AnsweredWithProblem as problem:
            if problem.retry_after_s is None:
                raise
            await asyncio.sleep(problem.retry_after_s)
