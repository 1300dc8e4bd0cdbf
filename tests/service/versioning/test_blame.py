"""Blame: which commit touched each file of a tree last."""

import pytest

from libs.contracts.problems import AnsweredWithProblem
from libs.contracts.versioning import Blame, GetBlame, GetDiff
from tests.service.versioning.branching import Branching


async def blame(scene: Branching, ref: str = "main", **wish: object) -> Blame:
    return await scene.ask(GetBlame(bucket=scene.name, ref=ref, **wish))  # type: ignore[arg-type]


async def recorded(scene: Branching) -> str:
    """Return main's head, once it has all that storage has."""
    found = await scene.ask(GetDiff(bucket=scene.name, source="now"))
    assert found.target is not None
    return found.target


def who(found: Blame) -> dict[str, str | None]:
    return {item.path: item.commit_id for item in found.items}


async def test_each_file_names_the_commit_that_touched_it_last(scene: Branching) -> None:
    await scene.put(a="a1")
    await recorded(scene)
    await scene.put(b="b1")
    second = await recorded(scene)
    await scene.put(a="a2")
    third = await recorded(scene)

    assert who(await blame(scene)) == {"a": third, "b": second}
    (a, b) = (await blame(scene)).items
    assert (a.sha256, b.message) == (scene.sha256("a2"), "put b")
    assert who(await blame(scene, second))["b"] == second
    assert who(await blame(scene, second))["a"] not in (second, third)


async def test_a_branch_knows_its_own_commits_and_those_before_its_fork(scene: Branching) -> None:
    await scene.put(both="one")
    await recorded(scene)
    await scene.put(main="one")
    on_main = await recorded(scene)
    await scene.branch("work", on_main)
    first = await scene.write("work", both="two", own="own")
    await scene.branch("more", "work")
    second = await scene.write("more", more="more")
    await scene.write("work", own="later")
    await scene.put(both="three")  # main goes on, which is nothing to the branches
    later = await recorded(scene)

    assert who(await blame(scene, "more")) == {
        "both": first,
        "main": on_main,
        "more": second,
        "own": first,
    }
    assert who(await blame(scene)) == {"both": later, "main": on_main}


async def test_a_merge_touched_what_it_brought(scene: Branching) -> None:
    await scene.branch("ours")
    await scene.write("ours", kept="kept", plan="one")
    await scene.branch("theirs", "ours")
    ours = await scene.write("ours", mine="mine")
    await scene.write("theirs", plan="two")
    merged = (await scene.merge("theirs", "ours")).commit
    assert merged is not None

    found = who(await blame(scene, "ours"))

    assert (found["plan"], found["mine"]) == (merged.commit_id, ours)


async def test_a_removed_file_has_nobody_to_name(scene: Branching) -> None:
    await scene.branch("work")
    await scene.write("work", gone="gone", stays="stays")
    await scene.write("work", gone=None)

    assert list(who(await blame(scene, "work"))) == ["stays"]


async def test_pages_and_prefixes_are_as_in_lists(scene: Branching) -> None:
    await scene.branch("work")
    commit = await scene.write("work", **{f"a/{n}": f"{n}" for n in range(5)}, b="b")

    first = await blame(scene, "work", prefix="a/", limit=3)
    rest = await blame(scene, "work", prefix="a/", limit=3, start_after=first.next or "")

    assert [item.path for item in first.items + rest.items] == [f"a/{n}" for n in range(5)]
    assert rest.next is None
    assert {item.commit_id for item in first.items} == {commit} == {first.commit_id}


async def test_an_unknown_ref_has_no_blame(scene: Branching) -> None:
    await scene.put(a="a")
    await recorded(scene)

    with pytest.raises(AnsweredWithProblem, match="ref-not-found"):
        await blame(scene, "no-such")
