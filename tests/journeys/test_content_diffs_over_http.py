"""Two states of one file over HTTP: which lines changed, and which characters of them."""

import asyncio
import os
from typing import Any

from tests.journeys.histories import History


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
