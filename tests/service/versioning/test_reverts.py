"""Reverts and cherry-picks: the way back from a commit, and the same way elsewhere."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from libs.blobs import open_store
from libs.contracts.problems import AnsweredWithProblem
from libs.contracts.storage import CreateBucket
from libs.contracts.versioning import CherryPick, CommitMade, Revert
from tests.builders import a_bucket_name
from tests.platform import Platform
from tests.service.storage.bucket import ACTOR, Ask, Bucket
from tests.service.storage.refusals import refused_as
from tests.service.versioning.branching import Branching


@pytest.fixture
async def here(ask: Ask, platform: Platform) -> AsyncIterator[Branching]:
    """A bucket with the branches ``ours`` and ``theirs``, which begin with the same files."""
    name = a_bucket_name("reverting")
    await ask(CreateBucket(name=name, actor=ACTOR))
    async with open_store(platform.store_url) as store:
        here = Branching(Bucket(ask, store, name))
        await here.branch("ours")
        await here.write("ours", kept="kept", plan="one", gone="gone")
        await here.branch("theirs", "ours")
        yield here


async def revert(here: Branching, branch: str, commit: str, **wish: Any) -> CommitMade:
    return await here.ask(
        Revert(bucket=here.name, branch=branch, commit=commit, actor=ACTOR, **wish)
    )


async def pick(here: Branching, branch: str, commit: str, **wish: Any) -> CommitMade:
    return await here.ask(
        CherryPick(bucket=here.name, branch=branch, commit=commit, actor=ACTOR, **wish)
    )


async def test_a_commit_is_taken_back_and_what_came_after_stays(here: Branching) -> None:
    taken_back = await here.write("ours", plan="two", gone=None, new="new")
    await here.write("ours", later="later")

    made = await revert(here, "ours", taken_back)

    assert await here.words("ours") == {
        "kept": "kept",
        "plan": "one",
        "gone": "gone",
        "later": "later",
    }
    assert made.commit is not None
    assert (made.changed, made.commit.operation) == (3, "revert")
    assert made.commit.message.startswith("revert: ")


async def test_a_commit_whose_files_changed_again_since_is_in_conflict(here: Branching) -> None:
    taken_back = await here.write("ours", plan="two", kept="other")
    await here.write("ours", plan="three")
    before = await here.head("ours")

    with pytest.raises(AnsweredWithProblem) as refused:
        await revert(here, "ours", taken_back)

    told = refused.value.details()
    (conflict,) = told.fields["conflicts"]
    assert (told.code, told.status) == ("merge-conflict", 409)
    assert conflict["path"] == "plan"
    assert conflict["base"]["sha256"] == here.sha256("two")
    assert conflict["ours"]["sha256"] == here.sha256("three")
    assert conflict["theirs"]["sha256"] == here.sha256("one")
    assert await here.head("ours") == before


async def test_what_was_taken_back_by_hand_needs_no_revert(here: Branching) -> None:
    taken_back = await here.write("ours", plan="two")
    await here.write("ours", plan="one")

    made = await revert(here, "ours", taken_back)

    assert made.changed == 0
    assert made.commit is not None
    assert made.commit.commit_id == await here.head("ours")


async def test_the_first_commit_is_taken_back_to_nothing(here: Branching) -> None:
    (*_, first) = await here.commits("ours")

    await revert(here, "ours", first.commit_id)

    assert await here.words("ours") == {}


async def test_a_merge_is_taken_back_against_the_branch_that_it_was_made_on(
    here: Branching,
) -> None:
    await here.write("theirs", plan="two")
    await here.write("ours", kept="other")
    merged = await here.merge("theirs", "ours")
    assert merged.commit is not None

    await revert(here, "ours", merged.commit.commit_id)

    assert await here.words("ours") == {"kept": "other", "plan": "one", "gone": "gone"}


async def test_a_merge_into_main_is_taken_back_from_the_files(here: Branching) -> None:
    await here.put(own="own")
    merged = await here.merge("ours")
    assert merged.commit is not None
    assert await here.files() == {"own": "own", "kept": "kept", "plan": "one", "gone": "gone"}
    await here.put(fresh="fresh")

    made = await revert(here, "main", merged.commit.commit_id)

    assert made.changed == 3
    assert await here.files() == {"own": "own", "fresh": "fresh"}


async def test_a_commit_is_done_again_elsewhere(here: Branching) -> None:
    await here.write("theirs", other="not this")
    picked = await here.write("theirs", plan="two", gone=None, new="new")
    await here.write("ours", kept="ours")

    made = await pick(here, "ours", picked)

    assert await here.words("ours") == {"kept": "ours", "plan": "two", "new": "new"}
    assert made.commit is not None
    assert (made.commit.operation, made.commit.metadata) == (
        "cherry-pick",
        {"cherry-picked": picked},
    )
    assert (await pick(here, "ours", picked)).changed == 0


async def test_a_commit_that_does_not_fit_elsewhere_is_in_conflict(here: Branching) -> None:
    picked = await here.write("theirs", plan="two")
    await here.write("ours", plan="three")

    with refused_as("merge-conflict"):
        await pick(here, "ours", picked)


async def test_a_commit_is_done_again_on_main(here: Branching) -> None:
    await here.merge("ours")
    picked = await here.write("theirs", plan="two")

    made = await pick(here, "main", picked, message="as on theirs")

    assert (await here.files())["plan"] == "two"
    assert made.commit is not None
    assert made.commit.message == "as on theirs"


async def test_what_nobody_knows_can_be_neither_taken_back_nor_done_again(
    here: Branching,
) -> None:
    with refused_as("ref-not-found"):
        await revert(here, "ours", "ab" * 32)
    with refused_as("branch-not-found"):
        await pick(here, "nowhere", "ours")
    with refused_as("stale-head"):
        await revert(here, "ours", "ours", expect_head="ab" * 32)
