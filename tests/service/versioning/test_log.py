"""Logs: which commits there are, by ref, path, author, time and message."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from libs.contracts.storage import PutContent
from libs.contracts.versioning import (
    CommitInfo,
    GetBlame,
    GetCommit,
    GetDiff,
    ImportCommit,
    ListCommits,
)
from tests.service.versioning.branching import Branching
from tests.service.versioning.steps import Ask, Put, commits, digest, versions


async def test_a_commit_tells_what_it_changed(ask: Ask, bucket: str, put: Put) -> None:
    await put(bucket, "plan.txt", b"one")
    await versions(ask, bucket, "plan.txt", 1)
    await put(bucket, "plan.txt", b"two!")
    newest, _ = await versions(ask, bucket, "plan.txt", 2)

    detail = await ask(GetCommit(bucket=bucket, ref=newest.commit_id[:12]))

    (change,) = detail.changes
    assert (change.before, change.after, change.size) == (digest(b"one"), digest(b"two!"), 4)
    assert (detail.commit.files, detail.commit.bytes) == (1, 4)
    assert detail.commit.message == "put plan.txt"


async def test_history_hangs_together(ask: Ask, bucket: str, put: Put) -> None:
    for number in range(5):
        await put(bucket, "count.txt", str(number).encode())
    await versions(ask, bucket, "count.txt", 5)

    history = await commits(ask, bucket)
    page = await ask(ListCommits(bucket=bucket, limit=2))
    rest = await ask(ListCommits(bucket=bucket, ref=page.next))

    assert [c.parents for c in history] == [[c.commit_id] for c in history[1:]] + [[]]
    assert page.items + rest.items == history


async def log(scene: Branching, **wish: Any) -> list[str]:
    found = await scene.ask(ListCommits(bucket=scene.name, **wish))
    return [commit.commit_id for commit in found.items]


@pytest.fixture
async def told(scene: Branching) -> dict[str, str]:
    """Commits on a branch of a branch, by a word for each."""
    await scene.branch("work")
    made = {
        "first": await scene.write("work", a="a1", b="b1"),
        "second": await scene.write("work", b="b2"),
    }
    await scene.branch("more", "work")
    made["later"] = await scene.write("work", a="later")
    made["third"] = await scene.write("more", a="a3")
    made["fourth"] = await scene.write("more", a=None)
    return made


async def test_the_log_of_a_path_has_the_commits_that_touched_it(
    scene: Branching, told: dict[str, str]
) -> None:
    assert await log(scene, ref="more", path="a") == [
        told["fourth"],
        told["third"],
        told["first"],
    ]
    assert await log(scene, ref="work", path="a") == [told["later"], told["first"]]
    assert await log(scene, ref=told["third"], path="b") == [told["second"], told["first"]]
    assert await log(scene, ref="more", path="never") == []


async def test_the_log_of_a_path_goes_over_from_a_branch_to_main(
    ask: Ask, scene: Branching
) -> None:
    await scene.put(plan="one")
    await versions(ask, scene.name, "plan", 1)
    await scene.put(plan="two")
    newest, first = await versions(ask, scene.name, "plan", 2)
    await scene.branch("work")
    await scene.put(plan="main goes on")
    mine = await scene.write("work", plan="mine")

    assert await log(scene, ref="work", path="plan") == [mine, newest.commit_id, first.commit_id]


async def test_pages_of_a_path_s_log_follow_each_other(
    scene: Branching, told: dict[str, str]
) -> None:
    seen: list[str] = []
    ref: str | None = "more"
    while ref is not None:
        page = await scene.ask(ListCommits(bucket=scene.name, ref=ref, path="a", limit=1))
        seen += [commit.commit_id for commit in page.items]
        ref = page.next

    assert seen == [told["fourth"], told["third"], told["first"]]


async def test_commits_are_found_by_author_message_and_time(
    ask: Ask, bucket: str, put: Put
) -> None:
    await put(bucket, "100%.txt", b"by author 1")
    await versions(ask, bucket, "100%.txt", 1)
    await put(bucket, "100_.txt", b"by author 2", actor="key:bob")
    await versions(ask, bucket, "100_.txt", 1)
    await put(bucket, "1000.txt", b"by author 3")
    await versions(ask, bucket, "1000.txt", 1)
    third, second, first = await commits(ask, bucket)

    async def found(**wish: Any) -> list[CommitInfo]:
        items: list[CommitInfo] = (await ask(ListCommits(bucket=bucket, **wish))).items
        return items

    assert await found(author="key:bob") == [second]
    assert await found(author="key:bo_") == []
    assert await found(message="100%") == [first]
    assert await found(message="100_") == [second]
    assert await found(message="PUT 100") == [third, second, first]
    assert await found(message="\\") == []
    assert await found(since=second.created_at) == [third, second]
    assert await found(until=second.created_at) == [second, first]
    assert await found(since=second.created_at, until=second.created_at) == [second]
    assert await found(path="100%.txt", author="key:bob") == []
    assert await found(path="100_.txt", author="key:bob", message="put") == [second]


async def test_a_branch_without_commits_has_an_empty_log(scene: Branching) -> None:
    await scene.branch("work")

    assert await log(scene, ref="work") == await log(scene, ref="main") == []


async def test_a_history_from_elsewhere_has_logs_and_blame_like_any_other(
    scene: Branching,
) -> None:
    """Also a commit that came in parts, and what main makes of it."""
    first = await imported(scene, [], a="a1", b="b1")
    tree = (await importing(scene, [first], {"a": "a2"}, partial=True)).tree
    second = (await importing(scene, [first], {"c": "c1"}, tree=tree)).commit_id
    await scene.branch("came", second)
    third = await scene.write("came", b="b3")

    assert await log(scene, ref="came", path="a") == [second, first]
    assert await log(scene, ref="came", path="b") == [third, first]
    assert await log(scene, ref="came", author="user:ann") == [second, first]
    touches = (await scene.ask(GetBlame(bucket=scene.name, ref="came"))).items
    assert {t.path: t.commit_id for t in touches} == {"a": second, "b": third, "c": second}

    merged = (await scene.merge("came", "main")).commit
    assert merged is not None
    await scene.put(a="a4")
    here = await scene.ask(GetDiff(bucket=scene.name, source="now"))
    touches = (await scene.ask(GetBlame(bucket=scene.name))).items
    by_path = {t.path: t.commit_id for t in touches}
    assert by_path["a"] == here.target
    assert (await log(scene, path="a"))[0] == here.target
    assert by_path["b"] in (merged.commit_id, third)
    assert (await log(scene, path="b"))[0] == by_path["b"]


async def importing(
    scene: Branching, parents: list[str], words: dict[str, str], **wish: Any
) -> CommitInfo:
    await scene.hold(*words.values())
    made = await scene.ask(
        ImportCommit(
            bucket=scene.name,
            parents=parents,
            author="user:ann",
            committed_at=datetime(2020, 1, 1, tzinfo=UTC) + len(parents) * timedelta(days=1),
            changes=[
                PutContent(path=path, sha256=scene.sha256(word)) for path, word in words.items()
            ],
            **wish,
        )
    )
    assert made.commit is not None
    return made.commit


async def imported(scene: Branching, parents: list[str], **words: str) -> str:
    return (await importing(scene, parents, words)).commit_id
