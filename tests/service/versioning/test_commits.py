"""Commits of changes that somebody names, and of what is staged: all of it, or nothing."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from libs.blobs import open_store
from libs.contracts.problems import AnsweredWithProblem
from libs.contracts.storage import (
    CopyPath,
    CreateBucket,
    MovePath,
    PathChange,
    PutContent,
    RemovePath,
)
from libs.contracts.versioning import (
    CommitMade,
    CreateBranch,
    CreateCommit,
    GetCommit,
    ListEntries,
    ListStaged,
    ListVersions,
    StagedWrite,
    StageWrites,
    UpdateBranch,
)
from tests.builders import a_bucket_name
from tests.platform import Platform
from tests.service.storage.bucket import ACTOR, Ask, Bucket
from tests.service.storage.refusals import refused_as
from tests.service.versioning.branching import Branching
from tests.waiting import eventually

BOTH = pytest.mark.parametrize("branch", ["main", "drafts"])


@pytest.fixture
async def here(ask: Ask, platform: Platform) -> AsyncIterator[Branching]:
    """A bucket with two files on main, and the branch ``drafts`` of it."""
    name = a_bucket_name("committing")
    await ask(CreateBucket(name=name, actor=ACTOR))
    async with open_store(platform.store_url) as store:
        here = Branching(Bucket(ask, store, name))
        await here.put(plan="one", notes="notes")
        await eventually(lambda: knows(here))
        await commit(here, "main", put(here, "seed", "one"), lenient=True)
        await here.branch("drafts")
        yield here


def put(here: Branching, path: str, word: str, **described: Any) -> PutContent:
    return PutContent(path=path, sha256=here.sha256(word), **described)


async def commit(here: Branching, branch: str, *changes: PathChange, **wish: Any) -> CommitMade:
    return await here.ask(
        CreateCommit(bucket=here.name, branch=branch, actor=ACTOR, changes=list(changes), **wish)
    )


@BOTH
async def test_a_commit_makes_all_its_changes(here: Branching, branch: str) -> None:
    await here.hold("new")
    before = await here.head(branch)

    made = await commit(
        here,
        branch,
        put(here, "a/new", "new", content_type="text/plain", metadata={"k": "v"}, tags={"t": "u"}),
        RemovePath(path="notes"),
        MovePath(source="plan", path="a/plan"),
        CopyPath(source="plan", path="copy"),
        message="put things in order",
        metadata={"ticket": "42"},
    )

    assert made.commit is not None
    assert made.changed == 5
    assert (made.commit.parents, made.commit.operation) == ([before], "commit")
    assert (made.commit.message, made.commit.metadata) == (
        "put things in order",
        {"ticket": "42"},
    )
    assert await here.head(branch) == made.commit.commit_id
    assert await here.words(branch) == {
        "a/new": "new",
        "a/plan": "one",
        "copy": "one",
        "seed": "one",
    }
    (new, *_) = (await here.ask(ListEntries(bucket=here.name, ref=branch, limit=9))).items
    assert (new.content_type, new.metadata, new.tags) == ("text/plain", {"k": "v"}, {"t": "u"})


async def test_a_commit_to_main_changes_the_files_of_the_bucket(here: Branching) -> None:
    await here.hold("two")

    made = await commit(here, "main", put(here, "plan", "two"), RemovePath(path="notes"))

    assert await here.files() == {"plan": "two", "seed": "one"}
    assert made.commit is not None
    (newest, *_) = (await here.ask(ListVersions(bucket=here.name, path="plan"))).items
    (gone, *_) = (await here.ask(ListVersions(bucket=here.name, path="notes"))).items
    assert newest.commit_id == gone.commit_id == made.commit.commit_id
    assert (newest.operation, gone.operation) == ("put", "delete")


async def test_a_commit_to_a_branch_leaves_the_files_of_the_bucket_alone(here: Branching) -> None:
    await here.hold("two")

    await commit(here, "drafts", put(here, "plan", "two"))

    assert await here.files() == {"plan": "one", "notes": "notes", "seed": "one"}


@BOTH
async def test_of_a_commit_with_one_wrong_change_nothing_happens(
    here: Branching, branch: str
) -> None:
    await here.hold("two")
    before, words = await here.head(branch), await here.words(branch)

    with refused_as("file-not-found"):
        await commit(here, branch, put(here, "plan", "two"), RemovePath(path="nowhere"))
    with refused_as("file-not-found"):
        await commit(here, branch, put(here, "plan", "two"), CopyPath(source="no", path="b"))
    with refused_as("path-changed-twice"):
        await commit(here, branch, put(here, "plan", "two"), RemovePath(path="plan"))
    with refused_as("content-not-held"):
        await commit(here, branch, PutContent(path="plan", sha256="ab" * 32))
    with refused_as("invalid-path"):
        await commit(here, branch, put(here, "plan", "two"), put(here, "../up", "two"))
    with refused_as("invalid-content-type"):
        await commit(here, branch, put(here, "plan", "two", content_type="no type\n"))
    with refused_as("invalid-labels"):
        await commit(here, branch, put(here, "plan", "two", metadata={"a b": "c"}))

    assert await here.head(branch) == before
    assert await here.words(branch) == words


@BOTH
async def test_a_commit_is_made_only_on_what_was_expected(here: Branching, branch: str) -> None:
    await here.hold("two", "three")
    change = put(here, "plan", "three")
    before = await here.head(branch)
    expect = {"plan": here.sha256("one"), "new": None}

    made = await commit(here, branch, put(here, "plan", "two"), expect=expect, expect_head=before)

    with refused_as("precondition-failed"):
        await commit(here, branch, change, expect=expect)
    with refused_as("precondition-failed"):
        await commit(here, branch, change, expect={"notes": None})
    with refused_as("stale-head"):
        await commit(here, branch, change, expect_head=before)
    assert made.commit is not None
    assert await here.head(branch) == made.commit.commit_id


@BOTH
async def test_what_is_so_already_makes_no_commit(here: Branching, branch: str) -> None:
    before = await here.head(branch)

    made = await commit(
        here, branch, put(here, "plan", "one"), RemovePath(path="nowhere"), lenient=True
    )

    assert made.changed == 0
    assert made.commit is not None
    assert made.commit.commit_id == before == await here.head(branch)


async def test_a_commit_to_main_sees_what_was_put_a_moment_ago(here: Branching) -> None:
    await here.put(fresh="fresh")

    await commit(here, "main", MovePath(source="fresh", path="moved"))
    await here.put(plan="newer")
    with refused_as("precondition-failed"):
        await commit(here, "main", RemovePath(path="plan"), expect={"plan": here.sha256("one")})

    assert (await here.files())["moved"] == "fresh"
    assert (await here.files())["plan"] == "newer"


@BOTH
async def test_of_many_who_count_up_at_once_none_loses_its_step(
    here: Branching, branch: str
) -> None:
    steps = 8
    await here.hold(*(f"step {number}" for number in range(steps + 1)))
    await commit(here, branch, put(here, "counter", "step 0"))

    async def count_up() -> None:
        while True:
            step = (await here.words(branch))["counter"]
            following = f"step {int(step.split()[1]) + 1}"
            try:
                await commit(
                    here,
                    branch,
                    put(here, "counter", following),
                    expect={"counter": here.sha256(step)},
                )
            except Exception as problem:
                if getattr(problem, "named", "") != "precondition-failed":
                    raise
                continue
            return

    await asyncio.gather(*(count_up() for _ in range(steps)))

    assert (await here.words(branch))["counter"] == f"step {steps}"
    counted = [made for made in await here.commits(branch) if made.operation == "commit"]
    assert len(counted) >= steps


async def test_writers_of_other_files_do_not_disturb_commits_to_main(here: Branching) -> None:
    await here.hold(*(f"c{number}" for number in range(10)))

    await asyncio.gather(
        *(here.put(**{f"p{number}": f"p{number}"}) for number in range(20)),
        *(commit(here, "main", put(here, f"c{number}", f"c{number}")) for number in range(10)),
    )
    await commit(here, "main", RemovePath(path="seed"))

    files = await here.files()
    assert {name for name in files if name[0] in "pc" and name != "plan"} == {
        *(f"p{number}" for number in range(20)),
        *(f"c{number}" for number in range(10)),
    }


async def test_what_is_staged_is_committed_when_no_changes_are_named(here: Branching) -> None:
    await here.hold("two")
    await here.ask(CreateBranch(bucket=here.name, name="waiting", actor=ACTOR))
    await stage(here, "waiting", plan="two", notes=None)

    made = await commit(here, "waiting", message="enough")
    again = await commit(here, "waiting")

    assert made.changed == 2
    assert await here.words("waiting") == {"plan": "two", "seed": "one"}
    staged = await here.ask(ListStaged(bucket=here.name, branch="waiting"))
    assert staged.items == []
    assert (again.changed, again.commit) == (0, made.commit)
    told = await here.ask(GetCommit(bucket=here.name, ref="waiting"))
    assert [change.path for change in told.changes] == ["notes", "plan"]


async def test_what_is_staged_stays_so_beside_a_commit_of_other_paths(here: Branching) -> None:
    await here.hold("two", "three")
    await here.ask(CreateBranch(bucket=here.name, name="waiting", actor=ACTOR))
    await stage(here, "waiting", plan="two", notes=None)

    await commit(here, "waiting", put(here, "plan", "three"), put(here, "new", "three"))

    staged = await here.ask(ListStaged(bucket=here.name, branch="waiting"))
    assert [change.path for change in staged.items] == ["notes"]
    assert await here.words("waiting") == {"plan": "three", "new": "three", "seed": "one"}


async def test_a_protected_branch_takes_no_commit(here: Branching) -> None:
    await here.ask(UpdateBranch(bucket=here.name, name="drafts", actor=ACTOR, protected=True))

    with refused_as("branch-protected"):
        await commit(here, "drafts", RemovePath(path="plan"))


async def test_nothing_is_ever_staged_on_main(here: Branching) -> None:
    with refused_as("main-moves-by-commits"):
        await commit(here, "main")


async def test_where_files_are_not_versioned_a_commit_still_changes_and_records_them(
    ask: Ask, platform: Platform
) -> None:
    name = a_bucket_name("committing")
    await ask(CreateBucket(name=name, actor=ACTOR, versioning="off"))
    async with open_store(platform.store_url) as store:
        here = Branching(Bucket(ask, store, name))
        await here.put(plan="one", other="other")
        await eventually(lambda: knows(here))
        await here.hold("two")

        made = await commit(here, "main", put(here, "plan", "two"))

        assert made.changed == 1
        assert await here.files() == {"plan": "two", "other": "other"}
        assert await here.words("main") == {"plan": "two"}


async def knows(here: Branching) -> bool:
    """Tell whether history has heard of the bucket."""
    try:
        await here.head("main")
    except AnsweredWithProblem:
        return False
    return True


async def stage(here: Branching, branch: str, **words: str | None) -> None:
    """Stage writes whose bytes are in the bucket, or held."""
    for path, word in words.items():
        write = StagedWrite(path=path)
        if word is not None:
            content = put(here, path, word)
            made = await commit(here, "drafts", put(here, f"kept/{word}", word))
            assert made.commit is not None
            write = StagedWrite(path=path, sha256=content.sha256, size=len(here.body(word)))
        await here.ask(StageWrites(bucket=here.name, branch=branch, actor=ACTOR, writes=[write]))
