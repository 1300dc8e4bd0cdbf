"""Restores: files as they were, by a new commit and without moving bytes."""

import pytest

from libs.contracts.problems import AnsweredWithProblem
from libs.contracts.storage import (
    DeleteFile,
    FileStored,
    GetFile,
)
from libs.contracts.versioning import (
    ListEntries,
    Restore,
)
from tests.listening import Events
from tests.service.versioning.steps import ANN, Ask, Put, commits, digest, versions


async def test_a_restore_is_a_new_commit_and_moves_no_bytes(
    ask: Ask, bucket: str, put: Put
) -> None:
    await put(bucket, "keep.txt", b"keep")
    await put(bucket, "plan.txt", b"one")
    await versions(ask, bucket, "plan.txt", 1)
    before = (await commits(ask, bucket))[0].commit_id
    blob = (await ask(GetFile(bucket=bucket, path="plan.txt"))).blob
    await put(bucket, "plan.txt", b"two")
    await put(bucket, "new.txt", b"new")
    await ask(DeleteFile(bucket=bucket, path="keep.txt", actor=ANN))

    restored = await ask(Restore(bucket=bucket, to=before, actor="key:bob", message="go back"))

    head = (await commits(ask, bucket))[0]
    assert restored.changed == 3
    assert (head.commit_id, head.author, head.message) == (
        restored.commit_id,
        "key:bob",
        "go back",
    )
    assert head.operation == "restore"
    assert (await ask(GetFile(bucket=bucket, path="plan.txt"))).blob == blob
    with pytest.raises(AnsweredWithProblem, match="file-not-found"):
        await ask(GetFile(bucket=bucket, path="new.txt"))
    old, now = [await ask(ListEntries(bucket=bucket, ref=r)) for r in (before, "main")]
    assert [(e.path, e.sha256) for e in old.items] == [(e.path, e.sha256) for e in now.items]


async def test_a_restore_sees_what_was_acknowledged_a_moment_ago(
    ask: Ask, bucket: str, put: Put
) -> None:
    await put(bucket, "plan.txt", b"one")
    await versions(ask, bucket, "plan.txt", 1)
    before = (await commits(ask, bucket))[0].commit_id

    for round_ in range(5):
        await put(bucket, "plan.txt", f"draft {round_}".encode())
        await ask(Restore(bucket=bucket, to=before, actor=ANN, paths=["plan.txt"]))

        file = (await ask(GetFile(bucket=bucket, path="plan.txt"))).file
        assert file.sha256 == digest(b"one")


async def test_the_events_of_a_restore_are_recorded_once(
    ask: Ask, bucket: str, put: Put, events: Events
) -> None:
    await put(bucket, "plan.txt", b"one")
    await versions(ask, bucket, "plan.txt", 1)
    before = (await commits(ask, bucket))[0].commit_id
    await put(bucket, "plan.txt", b"two")

    restored = await ask(Restore(bucket=bucket, to=before, actor=ANN))

    (told,) = await events.until(
        FileStored, lambda e: e.bucket == bucket and e.operation == "restore"
    )
    assert told.commit_id == restored.commit_id
    await put(bucket, "after.txt", b"after")  # behind the restore's event in the stream
    await versions(ask, bucket, "after.txt", 1)
    assert len(await commits(ask, bucket)) == 4
    found = await versions(ask, bucket, "plan.txt", 3)
    assert found[0].commit_id == restored.commit_id


async def test_restoring_what_is_so_already_changes_nothing(
    ask: Ask, bucket: str, put: Put
) -> None:
    await put(bucket, "plan.txt", b"one")
    await versions(ask, bucket, "plan.txt", 1)
    head = (await commits(ask, bucket))[0].commit_id

    restored = await ask(Restore(bucket=bucket, to="main", actor=ANN))

    assert (restored.commit_id, restored.changed) == (head, 0)


async def test_a_prefix_is_restored_and_the_rest_left_alone(
    ask: Ask, bucket: str, put: Put
) -> None:
    await put(bucket, "a/x.txt", b"ax")
    await put(bucket, "b/x.txt", b"bx")
    await versions(ask, bucket, "b/x.txt", 1)
    before = (await commits(ask, bucket))[0].commit_id
    await put(bucket, "a/x.txt", b"ax2")
    await put(bucket, "b/x.txt", b"bx2")

    await ask(Restore(bucket=bucket, to=before, actor=ANN, prefix="a/"))

    assert (await ask(GetFile(bucket=bucket, path="a/x.txt"))).file.sha256 == digest(b"ax")
    assert (await ask(GetFile(bucket=bucket, path="b/x.txt"))).file.sha256 == digest(b"bx2")
