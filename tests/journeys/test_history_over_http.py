"""Looking at history over HTTP: any moment, what differs, which lines, and who did it."""

import asyncio
import os
from datetime import datetime, timedelta, timezone
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from tests.journeys.callers import CallerWith, give, principal_of


class History:
    """One bucket, as the administrator looks at it; no other has its bytes."""

    def __init__(self, http: httpx.AsyncClient, bucket: str) -> None:
        self.http = http
        self.bucket = bucket
        self.root = f"/api/v1/buckets/{bucket}"

    async def put(self, path: str, body: str | bytes, ref: str | None = None) -> None:
        """Put a text that begins with a line of its own, or bytes as they are."""
        content = f"{self.bucket}\n{body}".encode() if isinstance(body, str) else body
        query = {} if ref is None else {"ref": ref}
        answer = await self.http.put(
            f"{self.root}/files/{quote(path)}", content=content, params=query
        )
        assert answer.status_code in (200, 201), answer.text

    async def head(self) -> str:
        """Return main's head, once it has all that storage has."""
        found: str = (await self.get("diff", **{"from": "now"}))["target"]
        return found

    async def get(self, what: str, **query: Any) -> Any:
        answer = await self.http.get(f"{self.root}/{what}", params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def refusal(self, what: str, **query: Any) -> tuple[int, str]:
        return problem(await self.http.get(f"{self.root}/{what}", params=query))

    async def text(self, path: str, ref: str) -> str:
        """Return a file without the bucket's own line."""
        answer = await self.http.get(f"{self.root}/files/{path}", params={"ref": ref})
        assert answer.status_code == 200, answer.text
        return answer.text.partition("\n")[2]


def problem(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["type"].removeprefix("urn:strongroom:problem:")


@pytest.fixture
def history(http: httpx.AsyncClient, bucket: str) -> History:
    return History(http, bucket)


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


async def test_changed_lines_and_characters_of_a_text_are_told(history: History) -> None:
    await history.put("a.py", "def f(x):\n    return x + 1\n")
    before = await history.head()
    await history.put("a.py", "def f(x):\n    return x + 2\n")

    found = await history.get("diff/content", path="a.py", **{"from": before})

    assert (found["form"], found["added"], found["removed"]) == ("text", 1, 1)
    (hunk,) = found["hunks"]
    changed = [line for line in hunk["lines"] if line["kind"] != "context"]
    assert [(line["kind"], line["text"]) for line in changed] == [
        ("removed", "    return x + 1"),
        ("added", "    return x + 2"),
    ]
    assert [line["spans"] for line in changed] == [[[15, 16]], [[15, 16]]]
    assert (changed[0]["old"], changed[1]["new"]) == (3, 3)
    assert found["unified"].endswith(
        f"@@ -1,3 +1,3 @@\n {history.bucket}\n def f(x):\n-    return x + 1\n+    return x + 2\n"
    )


async def test_the_plain_text_comes_to_who_asks_for_it(history: History) -> None:
    await history.put("a.txt", "one")
    before = await history.head()
    await history.put("a.txt", "two")
    query = {"path": "a.txt", "from": before}
    url = f"{history.root}/diff/content"

    by_header = await history.http.get(url, params=query, headers={"Accept": "text/x-diff"})
    by_query = await history.http.get(url, params=query | {"format": "unified"})

    assert by_header.headers["content-type"] == "text/x-diff; charset=utf-8"
    assert by_header.headers["x-content-type-options"] == "nosniff"
    assert by_header.text == by_query.text
    assert by_header.text.startswith("--- a/a.txt\n+++ b/a.txt\n@@ -1,2 +1,2 @@\n")


async def test_added_removed_and_moved_files_have_a_diff(history: History) -> None:
    await history.put("old.txt", "the same\nand this\n")
    before = await history.head()
    move = {"op": "move", "source": "old.txt", "path": "new.txt"}
    answer = await history.http.post(f"{history.root}/changes", json={"changes": [move]})
    assert answer.status_code == 200, answer.text

    def of(path: str, **more: str) -> Any:
        return history.get("diff/content", path=path, **{"from": before}, **more)

    added, removed = await of("new.txt"), await of("old.txt")
    moved = await of("new.txt", old_path="old.txt")
    await history.put("new.txt", "the same\nand that\n")
    changed = await of("new.txt", old_path="old.txt")

    assert (added["before"], added["added"], added["removed"]) == (None, 3, 0)
    assert (removed["after"], removed["added"], removed["removed"]) == (None, 0, 3)
    assert added["unified"].startswith("--- /dev/null\n+++ b/new.txt\n@@ -0,0 +1,3 @@\n")
    assert (moved["form"], moved["hunks"]) == ("equal", [])
    assert changed["unified"].startswith("--- a/old.txt\n+++ b/new.txt\n")
    assert await history.refusal("diff/content", path="no.txt", **{"from": before}) == (
        404,
        "file-not-found",
    )


async def test_what_is_no_text_or_too_large_is_told_by_its_sides(history: History) -> None:
    await history.put("a.bin", os.urandom(1000) + b"\0")
    await history.put("large.txt", b"x" * 600_000 + history.bucket.encode())
    await history.put("long.txt", history.bucket.encode() + b"\n" * 30_000)
    before = await history.head()
    await history.put("a.bin", os.urandom(1001) + b"\0")
    await history.put("large.txt", b"y" * 600_000 + history.bucket.encode())
    await history.put("long.txt", history.bucket.encode() + b"\n" * 30_001)

    binary, large, long = [
        await history.get("diff/content", path=path, **{"from": before})
        for path in ("a.bin", "large.txt", "long.txt")
    ]

    assert (binary["form"], large["form"], long["form"]) == ("binary", "large", "large")
    assert (binary["before"]["size"], binary["after"]["size"]) == (1001, 1002)
    assert binary["before"]["sha256"] != binary["after"]["sha256"]
    assert binary["hunks"] == large["hunks"] == []
    plain = await history.http.get(
        f"{history.root}/diff/content",
        params={"path": "a.bin", "from": before, "format": "unified"},
    )
    assert plain.text == "Binary files 'a.bin' and 'a.bin' differ\n"


async def test_files_come_and_go_while_many_compare_nasty_texts(history: History) -> None:
    own = f"{history.bucket}\n".encode()
    await history.put("nasty.txt", own + b"a\nb\n" * 9_000)
    before = await history.head()
    await history.put("nasty.txt", own + b"b\na\na\n" * 6_000)
    large = os.urandom(3_000_000)

    async def come_and_go() -> bytes:
        await history.put("large", large)
        return (await history.http.get(f"{history.root}/files/large")).content

    read, *compared = await asyncio.gather(
        come_and_go(),
        *(history.get("diff/content", path="nasty.txt", **{"from": before}) for _ in range(5)),
    )

    assert read == large
    assert {found["form"] for found in compared} == {"text"}


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
