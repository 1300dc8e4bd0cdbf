"""Merges of branches: what one side left alone is as on the other, the rest is for people."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from libs.blobs import open_store
from libs.contracts.problems import AnsweredWithProblem
from libs.contracts.storage import CreateBucket
from libs.contracts.versioning import (
    Content,
    GetCommit,
    GetEntry,
    ReportCheck,
    StagedWrite,
    UpdateBranch,
)
from tests.builders import a_bucket_name
from tests.platform import Platform
from tests.service.storage.bucket import ACTOR, Ask, Bucket
from tests.service.storage.refusals import refused_as
from tests.service.versioning.branching import Branching


@pytest.fixture
async def here(ask: Ask, platform: Platform) -> AsyncIterator[Branching]:
    """A bucket with files on main, and the branches ``ours`` and ``theirs`` of it."""
    name = a_bucket_name("merging")
    await ask(CreateBucket(name=name, actor=ACTOR))
    async with open_store(platform.store_url) as store:
        here = Branching(Bucket(ask, store, name))
        await here.branch("ours")
        await here.write("ours", kept="kept", plan="one", gone="gone")
        await here.branch("theirs", "ours")
        yield here


async def test_what_each_side_did_comes_together(here: Branching) -> None:
    fork = await here.head("ours")
    ours = await here.write("ours", plan="two")
    theirs = await here.write("theirs", gone=None, new="new")

    merged = await here.merge("theirs", "ours", message="bring it together")

    assert await here.words("ours") == {"kept": "kept", "plan": "two", "new": "new"}
    assert (merged.base, merged.source, merged.changed) == (fork, theirs, 2)
    assert merged.commit is not None
    assert merged.commit.parents == [ours, theirs]
    assert (merged.commit.operation, merged.commit.message) == ("merge", "bring it together")
    changes = {change.path: (change.before, change.after) for change in merged.changes}
    assert changes == {
        "gone": (here.sha256("gone"), None),
        "new": (None, here.sha256("new")),
    }


async def test_a_merge_of_what_is_there_already_makes_no_commit(here: Branching) -> None:
    theirs = await here.write("theirs", new="new")
    await here.merge("theirs", "ours")
    head = await here.head("ours")

    again = await here.merge("theirs", "ours")
    older = await here.merge("theirs~1", "ours")
    itself = await here.merge("ours", "ours")

    assert (again.commit, again.changed, again.base) == (None, 0, theirs)
    assert (older.commit, itself.commit) == (None, None)
    assert await here.head("ours") == head


async def test_a_conflict_refuses_all_and_is_told_with_all_sides(here: Branching) -> None:
    head = await here.write("ours", plan="two", gone=None)
    await here.write("theirs", plan="three", gone="back", new="new")

    told = await here.conflicts("theirs", "ours")

    sides = {
        conflict["path"]: [
            conflict[side] and conflict[side]["sha256"] for side in ("base", "ours", "theirs")
        ]
        for conflict in told["conflicts"]
    }
    assert sides == {
        "gone": [here.sha256("gone"), None, here.sha256("back")],
        "plan": [here.sha256("one"), here.sha256("two"), here.sha256("three")],
    }
    assert told["conflicts_total"] == 2
    assert await here.head("ours") == head


async def test_conflicts_are_resolved_path_by_path(here: Branching) -> None:
    await here.write("ours", plan="two", kept="mine", gone="mine", all="mine")
    await here.write("theirs", plan="three", kept="yours", gone="yours", all="yours")
    content = await here.content("both", content_type="text/plain", metadata={"by": "ann"})

    merged = await here.merge(
        "theirs",
        "ours",
        resolutions={"plan": "ours", "kept": "theirs", "gone": Content(), "all": content},
    )

    assert await here.words("ours") == {"plan": "two", "kept": "yours", "all": "both"}
    assert merged.changed == 3
    entry = await here.ask(GetEntry(bucket=here.name, path="all", ref="ours"))
    assert (entry.content_type, entry.metadata) == ("text/plain", {"by": "ann"})
    assert entry.size == len(here.body("both"))


async def test_one_side_may_win_wherever_nothing_else_is_said(here: Branching) -> None:
    await here.write("ours", plan="two", kept="mine")
    await here.write("theirs", plan="three", kept="yours")

    await here.merge("theirs", "ours", otherwise="theirs", resolutions={"kept": "ours"})

    assert await here.words("ours") == {"plan": "three", "kept": "mine", "gone": "gone"}


async def test_conflicts_without_a_resolution_are_still_told(here: Branching) -> None:
    await here.write("ours", plan="two", kept="mine")
    await here.write("theirs", plan="three", kept="yours")

    told = await here.conflicts("theirs", "ours", resolutions={"plan": "ours"})

    assert [conflict["path"] for conflict in told["conflicts"]] == ["kept"]


async def test_a_resolution_that_nothing_needs_is_refused(here: Branching) -> None:
    await here.write("theirs", plan="three")

    with refused_as("resolution-unused", paths=["plan"]):
        await here.merge("theirs", "ours", resolutions={"plan": "ours"})


async def test_a_resolution_names_bytes_that_the_bucket_has(here: Branching) -> None:
    await here.write("ours", plan="two")
    await here.write("theirs", plan="three")

    with refused_as("content-not-held", digests=["0" * 64]):
        await here.merge("theirs", "ours", resolutions={"plan": Content(sha256="0" * 64)})


async def test_a_dry_run_tells_what_a_merge_would_do_and_changes_nothing(here: Branching) -> None:
    ours = await here.write("ours", plan="two")
    await here.write("theirs", plan="three", new="new")

    told = await here.merge("theirs", "ours", dry_run=True)
    resolved = await here.merge("theirs", "ours", dry_run=True, otherwise="theirs")

    assert (told.commit, told.changed, told.conflicts_total) == (None, 1, 1)
    assert [conflict.path for conflict in told.conflicts] == ["plan"]
    assert [change.path for change in told.changes] == ["new"]
    assert (resolved.changed, resolved.conflicts) == (2, [])
    assert await here.head("ours") == ours


async def test_a_squash_takes_the_files_and_leaves_the_history(here: Branching) -> None:
    fork = await here.head("ours")
    ours = await here.write("ours", plan="two")
    await here.write("theirs", new="new")

    squashed = await here.merge("theirs", "ours", squash=True)
    again = await here.merge("theirs", "ours", squash=True)
    await here.write("theirs", newer="newer")
    merged = await here.merge("theirs", "ours")

    assert squashed.commit is not None
    assert squashed.commit.parents == [ours]
    assert (again.commit, again.changed) == (None, 0)
    assert (merged.base, merged.changed) == (fork, 1)
    assert await here.words("ours") == {
        "kept": "kept",
        "plan": "two",
        "gone": "gone",
        "new": "new",
        "newer": "newer",
    }


async def test_what_was_merged_before_is_not_in_conflict_again(here: Branching) -> None:
    await here.write("ours", plan="two")
    first = await here.write("theirs", plan="three")
    await here.merge("theirs", "ours", resolutions={"plan": "ours"})
    second = await here.write("theirs", kept="yours")

    merged = await here.merge("theirs", "ours")
    back = await here.merge("ours", "theirs")

    assert (merged.base, back.base) == (first, second)
    assert await here.words("ours") == await here.words("theirs")
    assert (await here.words("ours"))["plan"] == "two"


async def test_a_merge_that_changes_no_file_is_still_history(here: Branching) -> None:
    await here.write("ours", plan="two")
    theirs = await here.write("theirs", plan="two")

    merged = await here.merge("theirs", "ours")
    again = await here.merge("theirs", "ours")

    assert merged.commit is not None
    assert (merged.changed, merged.commit.parents[1:]) == (0, [theirs])
    assert again.commit is None


async def test_metadata_alone_is_merged_and_can_be_in_conflict(here: Branching) -> None:
    labelled = StagedWrite(
        path="plan",
        sha256=here.sha256("one"),
        size=len(here.body("one")),
        metadata={"for": "ann"},
    )
    await here.write_states("theirs", [labelled], "one")

    merged = await here.merge("theirs", "ours")
    await here.write("theirs", plan="two")
    await here.write("ours", plan="three")

    assert merged.changed == 1
    entry = await here.ask(GetEntry(bucket=here.name, path="plan", ref="ours~1"))
    assert entry.metadata == {"for": "ann"}
    assert (await here.conflicts("theirs", "ours"))["conflicts_total"] == 1


async def test_histories_that_have_nothing_in_common_are_merged_as_well(here: Branching) -> None:
    await here.branch("empty")  # of main, to which nothing was committed
    await here.write("empty", other="other", plan="another")

    told = await here.conflicts("empty", "ours")
    merged = await here.merge("empty", "ours", otherwise="ours")

    assert [conflict["base"] for conflict in told["conflicts"]] == [None]
    assert merged.base is None
    assert (await here.words("ours"))["other"] == "other"
    assert (await here.words("ours"))["plan"] == "one"


async def test_an_empty_branch_begins_with_what_is_merged_into_it(here: Branching) -> None:
    await here.branch("empty")

    merged = await here.merge("theirs", "empty")

    assert merged.commit is not None
    assert merged.commit.parents == [await here.head("theirs")]
    assert await here.words("empty") == await here.words("theirs")
    with refused_as("ref-not-found"):
        await here.branch("bare")
        await here.merge("bare", "ours")


async def test_a_merge_expects_the_head_that_it_was_looked_at(here: Branching) -> None:
    looked_at = await here.head("ours")
    await here.write("theirs", new="new")
    await here.write("ours", plan="two")

    with refused_as("stale-head"):
        await here.merge("theirs", "ours", expect_head=looked_at)
    with refused_as("stale-head"):
        await here.merge("theirs", "ours", expect_head=looked_at, dry_run=True)
    merged = await here.merge("theirs", "ours", expect_head=await here.head("ours"))
    assert merged.changed == 1


async def test_a_protected_branch_takes_merges_of_what_its_checks_passed(here: Branching) -> None:
    theirs = await here.write("theirs", new="new")
    await here.ask(
        UpdateBranch(
            bucket=here.name,
            name="ours",
            actor=ACTOR,
            protected=True,
            required_checks=["tests", "lint"],
        )
    )
    with refused_as("branch-protected"):
        await here.write("ours", plan="two")
    with refused_as("checks-missing", checks=["lint", "tests"]):
        await here.merge("theirs", "ours")

    for name in ("tests", "lint"):
        await here.ask(
            ReportCheck(bucket=here.name, commit=theirs, name=name, state="passed", actor=ACTOR)
        )
    merged = await here.merge("theirs", "ours")

    assert merged.changed == 1


async def test_merges_into_one_branch_at_once_are_all_kept(here: Branching) -> None:
    branches = [f"branch-{number}" for number in range(8)]
    for name in branches:
        await here.branch(name, "ours")
        await here.write(name, **{name: name})

    merged = await asyncio.gather(*(here.merge(name, "ours") for name in branches))

    assert set(branches) <= (await here.words("ours")).keys()
    made = {one.commit.commit_id for one in merged if one.commit is not None}
    assert len(made) == len(branches)
    assert made <= {commit.commit_id for commit in await here.commits("ours")}


async def test_a_refused_merge_tells_as_many_conflicts_as_fit(here: Branching) -> None:
    paths = [f"{'x' * 900}/{number:04}" for number in range(1_050)]
    for branch, word in (("ours", "mine"), ("theirs", "yours")):
        for part in (paths[:700], paths[700:]):
            await here.write(branch, **dict.fromkeys(part, word))

    told = await here.conflicts("theirs", "ours")
    merged = await here.merge("theirs", "ours", otherwise="ours")

    assert told["conflicts_total"] == 1_050
    assert 100 < len(told["conflicts"]) < 1_000
    assert [conflict["path"] for conflict in told["conflicts"]] == sorted(paths)[
        : len(told["conflicts"])
    ]
    assert merged.changed == 0


async def test_nothing_that_is_not_there_can_be_merged(here: Branching) -> None:
    with refused_as("ref-not-found"):
        await here.merge("nowhere", "ours")
    with refused_as("branch-not-found"):
        await here.merge("ours", "nowhere")
    with refused_as("malformed-ref"):
        await here.merge("main@never", "ours")
    with pytest.raises(AnsweredWithProblem):
        await here.ask(GetCommit(bucket=here.name, ref="nowhere"))


async def test_what_crosswise_merges_settled_differently_is_in_conflict_again(
    here: Branching,
) -> None:
    await here.write("ours", plan="two", other="ours")
    await here.write("theirs", plan="three", new="theirs")
    await here.branch("ours-before", "ours")
    await here.merge("theirs", "ours", resolutions={"plan": "ours"})
    await here.merge("ours-before", "theirs", resolutions={"plan": "ours"})

    told = await here.conflicts("theirs", "ours")
    merged = await here.merge("theirs", "ours", resolutions={"plan": "theirs"})

    assert [conflict["path"] for conflict in told["conflicts"]] == ["plan"]
    assert merged.changed == 1
    assert await here.words("ours") == {
        "kept": "kept",
        "gone": "gone",
        "plan": "three",
        "other": "ours",
        "new": "theirs",
    }
