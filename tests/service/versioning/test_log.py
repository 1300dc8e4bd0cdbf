"""Logs: which commits there are, by ref, path, author, time and message."""

from libs.contracts.versioning import (
    GetCommit,
    ListCommits,
)
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
