"""Branches and tags over the bus: one row each, made and moved by one of those who want to."""

import asyncio
from collections import Counter
from collections.abc import Awaitable

from libs.contracts.problems import AnsweredWithProblem
from libs.contracts.storage import GetBucket, UpdateBucket
from libs.contracts.versioning import (
    CreateBranch,
    CreateTag,
    DeleteBranch,
    GetTag,
    UpdateBranch,
)
from tests.service.storage.bucket import ACTOR
from tests.service.storage.refusals import refused_as
from tests.service.versioning.branching import Branching
from tests.service.versioning.steps import DbOf

AT_ONCE = 8


async def outcome(asking: Awaitable[object]) -> str:
    """Return how a request ended: well, or by which problem."""
    try:
        await asking
    except AnsweredWithProblem as problem:
        return problem.named
    return "done"


async def rows(db_of: DbOf, name: str) -> dict[str, int]:
    """Count what history has of a bucket."""
    counted = {}
    async with (await db_of("versioning")).connection() as conn:
        for table in ("ref", "commit", "line", "version", "branch_change", "staged"):
            counted[table] = await conn.fetchval(
                f"""
                SELECT count(*)
                FROM {table}
                JOIN repository USING (bucket_id)
                WHERE repository.bucket = $1
                """,  # noqa: S608 - our words
                name,
            )
    return counted


async def test_a_branch_is_one_row_whatever_is_on_it(scene: Branching, db_of: DbOf) -> None:
    await scene.put(**{f"f{number}": f"word {number}" for number in range(20)})
    await scene.ask(CreateTag(bucket=scene.name, name="v1", actor=ACTOR))
    before = await rows(db_of, scene.name)

    await scene.branch("draft")

    after = await rows(db_of, scene.name)
    assert after == before | {"ref": before["ref"] + 1}
    assert len(await scene.words("draft")) == 20


async def test_of_many_who_make_one_name_one_does(scene: Branching) -> None:
    await scene.put(a="one")
    wishes = [CreateBranch(bucket=scene.name, name="x", actor=ACTOR) for _ in range(AT_ONCE)]
    tags = [CreateTag(bucket=scene.name, name="x", actor=ACTOR) for _ in range(AT_ONCE)]

    ends = await asyncio.gather(
        *(outcome(scene.ask(wish)) for wish in wishes), *(outcome(scene.ask(tag)) for tag in tags)
    )

    assert Counter(ends) == {"done": 1, "ref-exists": 2 * AT_ONCE - 1}


async def test_of_many_who_move_one_branch_from_where_it_is_one_does(scene: Branching) -> None:
    await scene.put(a="one")
    begun = (await scene.branch("race")).commit_id
    targets = []
    for number in range(AT_ONCE):
        await scene.branch(f"to-{number}")
        targets.append(await scene.write(f"to-{number}", a=f"word {number}"))

    async def move(target: str) -> str:
        update = UpdateBranch(bucket=scene.name, name="race", actor=ACTOR, to=target, expect=begun)
        return await outcome(scene.ask(update))

    ends = await asyncio.gather(*map(move, targets))

    assert Counter(ends) == {"done": 1, "stale-head": AT_ONCE - 1}
    assert await scene.head("race") == targets[ends.index("done")]


async def test_a_branch_that_was_reset_goes_on_from_there(scene: Branching) -> None:
    await scene.put(a="one")
    await scene.branch("draft")
    first = await scene.write("draft", b="two")
    second = await scene.write("draft", b="three")

    await scene.ask(UpdateBranch(bucket=scene.name, name="draft", actor=ACTOR, to=first))
    other = await scene.write("draft", c="four")

    history = [commit.commit_id for commit in await scene.commits("draft")]
    assert history[:2] == [other, first]
    assert await scene.words("draft") == {"a": "one", "b": "two", "c": "four"}
    assert await scene.words(second) == {"a": "one", "b": "three"}


async def test_what_a_deleted_branch_had_is_found_by_its_commits(scene: Branching) -> None:
    await scene.put(a="one")
    await scene.branch("draft")
    commit = await scene.write("draft", b="two")

    await scene.ask(DeleteBranch(bucket=scene.name, name="draft", actor=ACTOR))
    await scene.branch("again", commit)

    assert await scene.words(commit) == await scene.words("again") == {"a": "one", "b": "two"}


async def protect_main(scene: Branching, wanted: bool) -> bool:
    """Ask for it, and return what storage knows then."""
    update = UpdateBranch(bucket=scene.name, name="main", actor=ACTOR, protected=wanted)
    told = await scene.ask(update)
    assert told.protected is wanted
    return (await scene.ask(GetBucket(name=scene.name))).protected


async def test_the_bucket_knows_whether_main_is_protected(scene: Branching) -> None:
    await scene.put(a="one")  # so history has heard of the bucket

    told = [await protect_main(scene, wanted) for wanted in (True, True, False)]

    assert told == [True, True, False]


async def test_a_protection_that_only_storage_knows_of_can_be_ended(
    scene: Branching,
) -> None:
    await scene.put(a="one")
    # Whoever asked for it died before that was committed here.
    await scene.ask(UpdateBucket(name=scene.name, actor=ACTOR, protected=True))

    assert await protect_main(scene, False) is False

    await scene.put(b="two")


async def test_a_tag_stays_where_it_is_when_its_branch_moves_and_goes(scene: Branching) -> None:
    await scene.put(a="one")
    await scene.branch("draft")
    commit = await scene.write("draft", b="two")
    tag = await scene.ask(CreateTag(bucket=scene.name, name="v1", source="draft", actor=ACTOR))

    await scene.write("draft", b="three")
    await scene.ask(DeleteBranch(bucket=scene.name, name="draft", actor=ACTOR))

    assert await scene.ask(GetTag(bucket=scene.name, name="v1")) == tag
    assert tag.commit_id == commit
    assert await scene.words("v1") == {"a": "one", "b": "two"}
    with refused_as("not-a-branch"):
        await scene.write("v1", b="four")
