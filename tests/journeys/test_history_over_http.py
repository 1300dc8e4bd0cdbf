"""Looking at history over HTTP: any moment, what differs, and who did it."""

import os
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from tests.journeys.callers import CallerWith, give, principal_of
from tests.journeys.histories import History


@pytest.fixture
async def three(history: History) -> list[str]:
    """Three states of plan.txt, each in a commit of its own; returns the commits."""
    commits = []
    for text in ("one\n", "two\n", "three\n"):
        await history.put("plan.txt", text)
        commits.append(await history.head())
    return commits


async def moment_of(history: History, commit: str) -> datetime:
    found = await history.get(f"commits/{commit}")
    return datetime.fromisoformat(found["commit"]["created_at"])


async def test_a_bucket_can_be_seen_as_it_was_at_any_moment(
    history: History, three: list[str]
) -> None:
    moment = await moment_of(history, three[1])
    here = moment.astimezone(timezone(timedelta(hours=5, minutes=30)))  # + and : in the URL
    for time in (moment.isoformat().replace("+00:00", "Z"), here.isoformat()):
        for ref in (f"@{time}", f"main@{time}", f"{three[2]}@{time}"):
            assert await history.text("plan.txt", ref) == "two\n"
            assert (await history.get("files", ref=ref))["commit_id"] == three[1]
            assert (await history.get("commits", ref=ref))["items"][0]["commit_id"] == three[1]
            found = await history.get("diff", **{"from": ref, "to": "main"})
            assert (found["source"], found["target"]) == (three[1], three[2])
            assert (await history.get("blame", ref=ref))["commit_id"] == three[1]
    unencoded = f"{history.root}/commits?ref=@{here.isoformat()}"
    assert (await history.http.get(unencoded)).json()["items"][0]["commit_id"] == three[1]
    in_path = await history.http.get(f"{history.root}/commits/@{moment:%Y-%m-%dT%H:%M:%S.%fZ}")
    assert in_path.json()["commit"]["commit_id"] == three[1]


async def test_steps_back_are_counted_along_the_branch(history: History, three: list[str]) -> None:
    moment = await moment_of(history, three[2])

    assert await history.text("plan.txt", "main~2") == "one\n"
    assert await history.text("plan.txt", f"{three[2][:10]}~1") == "two\n"
    assert await history.text("plan.txt", f"@{moment.isoformat()}~1~1") == "one\n"
    assert await history.refusal("files/plan.txt", ref="main~3") == (404, "ref-not-found")


async def test_a_moment_can_be_restored(history: History, three: list[str]) -> None:
    moment = await moment_of(history, three[0])

    answer = await history.http.post(
        f"{history.root}/restores", json={"to": f"@{moment.isoformat()}"}
    )

    assert (answer.status_code, answer.json()["changed"]) == (200, 1), answer.text
    assert await history.text("plan.txt", "main") == "one\n"


@pytest.mark.parametrize(
    "ref", ["@", "@soon", "@2026-11-20", "@2026-11-20T10:00", "@2026-13-01T00:00Z", "main@~1"]
)
@pytest.mark.parametrize("what", ["files/plan.txt", "files", "commits", "diff", "blame"])
async def test_what_is_no_moment_is_named(
    history: History, three: list[str], ref: str, what: str
) -> None:
    query = {"from": ref} if what == "diff" else {"ref": ref}

    assert await history.refusal(what, **query) == (422, "malformed-ref")


async def test_commits_are_found_by_who_when_what_and_where(
    history: History, three: list[str], caller: CallerWith
) -> None:
    writer = await caller()
    await give(history.http, history.bucket, principal_of(writer), "writer")
    await writer.put(f"{history.root}/files/other.txt", content=os.urandom(100))
    latest = await history.head()
    moment = await moment_of(history, three[1])

    async def found(**query: Any) -> list[str]:
        return [one["commit_id"] for one in (await history.get("commits", **query))["items"]]

    assert await found(path="plan.txt") == three[::-1]
    assert await found(author=principal_of(writer)) == [latest]
    assert await found(message="PLAN") == three[::-1]
    assert await found(since=moment.isoformat(), path="plan.txt") == [three[2], three[1]]
    assert await found(until=moment.isoformat()) == [three[1], three[0]]
    assert await found(path="never.txt") == []
    first = await history.get("commits", path="plan.txt", limit=2)
    rest = await history.get("commits", path="plan.txt", limit=2, cursor=first["next"])
    assert [one["commit_id"] for one in first["items"] + rest["items"]] == three[::-1]
    assert rest["next"] is None
    for time in ("yesterday", "2026-11-20T10:00", "0001-01-01T00:00+14:00"):
        assert await history.refusal("commits", since=time) == (400, "invalid-input")


async def test_a_second_page_compares_what_the_first_did(history: History) -> None:
    for number in range(4):
        await history.put(f"{number}.txt", f"file {number}")
    begin = await history.head()
    for number in range(4):
        await history.put(f"{number}.txt", f"file {number}, later")
    await history.head()

    first = await history.get("diff", **{"from": begin, "to": "main", "limit": 2})
    await history.put("3.txt", "much later")
    await history.put("9.txt", "new meanwhile")
    await history.head()
    query = {"from": begin, "to": "main", "limit": 2, "cursor": first["next"]}
    second = await history.get("diff", **query)

    items = first["items"] + second["items"]
    assert [item["path"] for item in items] == [f"{number}.txt" for number in range(4)]
    assert second["target"] == first["target"]
    assert second["next"] is None


async def test_what_is_staged_on_a_branch_is_compared_when_asked_for(history: History) -> None:
    await history.put("plan.txt", "one\n")
    await history.head()
    made = await history.http.post(f"{history.root}/branches", json={"name": "draft"})
    assert made.status_code == 201, made.text
    await history.put("plan.txt", "two\n", ref="draft")
    query = {"from": "main", "to": "draft"}

    async def both(**more: Any) -> tuple[list[str], str]:
        listed = await history.get("diff", **query, **more)
        content = await history.get("diff/content", path="plan.txt", **query, **more)
        return [item["kind"] for item in listed["items"]], content["form"]

    assert await both(staged="true") == (["changed"], "text")
    assert await both() == ([], "equal")


async def test_who_reads_below_a_prefix_sees_history_there_and_nowhere_else(
    history: History, caller: CallerWith
) -> None:
    await history.put("mine/a.txt", "one")
    await history.put("theirs/b.txt", "theirs")
    begin = await history.head()
    move = {"op": "move", "source": "theirs/b.txt", "path": "mine/b.txt"}
    await history.put("mine/a.txt", "two")
    await history.http.post(f"{history.root}/changes", json={"changes": [move]})
    reader = await caller("read")
    await give(history.http, history.bucket, principal_of(reader), "reader", "mine/")
    seen = History(reader, history.bucket)

    found = await seen.get("diff", prefix="mine/", **{"from": begin})
    assert [(item["kind"], item["path"]) for item in found["items"]] == [
        ("changed", "mine/a.txt"),
        ("added", "mine/b.txt"),
    ]
    assert len((await seen.get("blame", prefix="mine/"))["items"]) == 2
    latest, _ = (await seen.get("commits", path="mine/a.txt"))["items"]
    assert (latest["files"], latest["bytes"]) == (0, 0)
    assert (await seen.get("diff/content", path="mine/a.txt", **{"from": begin}))["added"] == 1

    refused: list[tuple[str, dict[str, str]]] = [
        ("diff", {"from": begin}),
        ("diff", {"from": begin, "prefix": "m"}),
        ("blame", {}),
        ("commits", {}),
    ]
    for what, query in refused:
        assert await seen.refusal(what, **query) == (403, "forbidden"), what
    hidden = {"path": "theirs/b.txt", "from": begin}
    assert await seen.refusal("diff/content", **hidden) == (404, "file-not-found")
    assert await seen.refusal("commits", path="theirs/b.txt") == (404, "file-not-found")
    moved = {"path": "mine/b.txt", "old_path": "theirs/b.txt", "from": begin}
    assert (await seen.refusal("diff/content", **moved))[0] in (403, 404)
