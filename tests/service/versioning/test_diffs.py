"""Diffs: what is different between two states of a bucket, and between one and the present."""

from datetime import UTC, datetime
from typing import Any

import pytest

from libs.contracts.problems import AnsweredWithProblem
from libs.contracts.storage import (
    ApplyChanges,
    MovePrefix,
    PutContent,
    RemovePath,
    UpdateFile,
)
from libs.contracts.versioning import (
    CreateBranch,
    Diff,
    GetDiff,
    ImportCommit,
    PathDifference,
    StagedWrite,
    StageWrites,
)
from tests.service.storage.bucket import ACTOR
from tests.service.versioning.branching import Branching


async def diff(scene: Branching, source: str, target: str = "now", **wish: Any) -> Diff:
    return await scene.ask(GetDiff(bucket=scene.name, source=source, target=target, **wish))


def told(found: Diff) -> list[tuple[str, str]]:
    return [(item.kind, item.path) for item in found.items]


def contents(item: PathDifference) -> tuple[str | None, str | None]:
    before, after = item.before, item.after
    return before.sha256 if before else None, after.sha256 if after else None


async def head(scene: Branching) -> str:
    """Return main's head, once it has all that storage has."""
    found = (await diff(scene, "now")).target
    assert found is not None
    return found


async def test_what_was_added_removed_and_changed_is_told(scene: Branching) -> None:
    await scene.branch("work")
    before = await scene.write("work", keep="keep", gone="gone", other="one")
    after = await scene.write("work", gone=None, other="two", new="new")

    found = await diff(scene, before, after)

    assert told(found) == [("removed", "gone"), ("added", "new"), ("changed", "other")]
    assert (found.source, found.target, found.next) == (before, after, None)
    removed, added, changed = found.items
    assert contents(removed) == (scene.sha256("gone"), None)
    assert contents(added) == (None, scene.sha256("new"))
    assert contents(changed) == (scene.sha256("one"), scene.sha256("two"))


async def test_the_other_way_round_it_is_the_opposite(scene: Branching) -> None:
    await scene.branch("work")
    before = await scene.write("work", gone="gone")
    after = await scene.write("work", gone=None, new="new")

    assert told(await diff(scene, after, before)) == [("added", "gone"), ("removed", "new")]
    assert told(await diff(scene, after, after)) == []


async def test_the_present_is_what_storage_acknowledged_a_moment_ago(scene: Branching) -> None:
    await scene.put(plan="first")
    before = await head(scene)

    for number in range(5):
        await scene.put(**{f"new-{number}": f"new {number}"})
        found = await diff(scene, before)
        assert told(found) == [("added", f"new-{n}") for n in range(number + 1)]


async def test_a_moved_folder_is_moves_and_not_removals(scene: Branching) -> None:
    await scene.put(**{f"a/{n}": f"moved {n}" for n in range(4)}, stays="stays")
    before = await head(scene)
    change = MovePrefix(source_prefix="a/", prefix="b/")
    await scene.ask(ApplyChanges(bucket=scene.name, actor=ACTOR, changes=[change]))

    found = await diff(scene, before)

    assert [(item.kind, item.moved_from, item.path) for item in found.items] == [
        ("moved", f"a/{n}", f"b/{n}") for n in range(4)
    ]
    assert all(item.before is not None and item.after is not None for item in found.items)
    assert not any(item.described for item in found.items)


async def test_below_a_prefix_a_file_from_elsewhere_is_new(scene: Branching) -> None:
    await scene.put(**{"a/x": "x"})
    before = await head(scene)
    change = MovePrefix(source_prefix="a/", prefix="b/")
    await scene.ask(ApplyChanges(bucket=scene.name, actor=ACTOR, changes=[change]))

    assert told(await diff(scene, before, prefix="b/")) == [("added", "b/x")]
    assert told(await diff(scene, before, prefix="a/")) == [("removed", "a/x")]


async def test_a_file_that_is_only_described_otherwise_says_so(scene: Branching) -> None:
    await scene.put(plan="plan")
    before = await head(scene)
    await scene.ask(
        UpdateFile(bucket=scene.name, path="plan", actor=ACTOR, metadata={"owner": "ann"})
    )

    (found,) = (await diff(scene, before)).items

    assert (found.kind, found.described) == ("changed", True)


async def test_what_is_staged_is_told_when_it_is_asked_for(scene: Branching) -> None:
    await scene.put(plan="one")
    await diff(scene, "now")
    await scene.ask(CreateBranch(bucket=scene.name, name="draft", actor=ACTOR))
    await scene.ask(
        StageWrites(
            bucket=scene.name, branch="draft", actor=ACTOR, writes=[StagedWrite(path="plan")]
        )
    )

    assert told(await diff(scene, "main", "draft", staged=True)) == [("removed", "plan")]
    assert told(await diff(scene, "main", "draft")) == []


async def test_pages_follow_each_other(scene: Branching) -> None:
    await scene.branch("work")
    before = await scene.write("work", **{f"a/{n:02}": f"file {n}" for n in range(10)})
    after = await scene.write(
        "work",
        **{f"b/{n:02}": f"file {n}" for n in range(5)},
        **{f"a/{n:02}": None for n in range(8)},
    )
    whole = await diff(scene, before, after)

    items: list[PathDifference] = []
    after_path = ""
    for _ in range(10):
        page = await diff(scene, before, after, limit=3, start_after=after_path)
        items += page.items
        if page.next is None:
            break
        assert len(page.items) == 3
        after_path = page.next

    assert items == whole.items
    assert [item.kind for item in items] == ["removed"] * 3 + ["moved"] * 5


async def test_nothing_is_compared_with_something(scene: Branching) -> None:
    await scene.branch("work")
    await scene.write("work", plan="plan")

    found = await diff(scene, "main", "work")

    assert (found.source, told(found)) == (None, [("added", "plan")])
    assert told(await diff(scene, "now", "work")) == [("added", "plan")]


@pytest.mark.parametrize(
    ("wish", "code"),
    [
        ({"source": "no-such"}, "ref-not-found"),
        ({"source": "main", "target": "no-such"}, "ref-not-found"),
        ({"source": "@soon"}, "malformed-ref"),
        ({"source": "now~1"}, "ref-not-found"),
        ({"source": "@0001-01-01T00:00+14:00"}, "malformed-ref"),
        ({"source": "@2001-01-01T00:00Z"}, "ref-not-found"),
        ({"source": "main", "target": "main~0", "staged": True}, "branch-not-found"),
    ],
    ids=["source", "target", "time", "before-now", "no-utc-time", "early", "staged-commit"],
)
async def test_what_cannot_be_compared_is_named(
    scene: Branching, wish: dict[str, Any], code: str
) -> None:
    await scene.put(plan="plan")
    await diff(scene, "now")

    with pytest.raises(AnsweredWithProblem) as refused:
        await diff(scene, **wish)

    assert refused.value.named == code


async def test_a_removed_file_stays_told_after_it_came_back(scene: Branching) -> None:
    await scene.put(plan="plan")
    first = await head(scene)
    await scene.ask(ApplyChanges(bucket=scene.name, actor=ACTOR, changes=[RemovePath(path="plan")]))
    gone = await head(scene)
    await scene.put(plan="plan")

    assert told(await diff(scene, first, gone)) == [("removed", "plan")]
    assert told(await diff(scene, gone)) == [("added", "plan")]
    assert told(await diff(scene, first)) == []


async def test_of_very_many_differences_every_page_is_told_by_itself(scene: Branching) -> None:
    """Each file of 6,000 moves to a name behind its own: pairs stand next to each other."""
    await scene.hold("same")
    old, new = ([f"{n:04}/{name}" for n in range(6_000)] for name in ("a", "b"))
    before = await imported(scene, [], old, [])
    after = await imported(scene, [before], new, old)

    pages = [await diff(scene, before, after, limit=1000)]
    while (place := pages[-1].next) is not None:
        pages.append(await diff(scene, before, after, limit=1000, start_after=place))
    items = [item for page in pages for item in page.items]
    begun = await diff(scene, "main", after, limit=1000, start_after="5999/a")

    assert len(pages) == 12
    assert [item.path for item in items] == new
    assert [item.moved_from for item in items] == old
    assert told(begun) == [("added", "5999/b")]


async def imported(
    scene: Branching, parents: list[str], puts: list[str], removes: list[str]
) -> str:
    """Import a commit in parts of 4,000 changes that gives all these paths the same bytes."""
    changes: list[PutContent | RemovePath] = [RemovePath(path=path) for path in removes]
    changes += [PutContent(path=path, sha256=scene.sha256("same")) for path in puts]
    tree = None
    while True:
        part, changes = changes[:4_000], changes[4_000:]
        made = await scene.ask(
            ImportCommit(
                bucket=scene.name,
                parents=parents,
                author="user:ann",
                committed_at=datetime(2020, 1, 1 + len(parents), tzinfo=UTC),
                changes=part,
                tree=tree,
                partial=bool(changes),
            )
        )
        assert made.commit is not None
        if not changes:
            return made.commit.commit_id
        tree = made.commit.tree
