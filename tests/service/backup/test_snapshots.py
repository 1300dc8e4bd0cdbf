import asyncio
import hashlib
from collections.abc import Awaitable, Callable

import pytest

from libs.blobs import BlobStore
from libs.contracts.backup import (
    ListSnapshots,
    SnapshotCreated,
    TakeSnapshot,
    TargetInfo,
)
from libs.contracts.ids import new_id
from libs.contracts.problems import AnsweredWithProblem
from libs.contracts.progress import CancelTask
from tests.listening import Events
from tests.service.backup.steps import ACTOR, Ask, Backups, Files, Folder, times_in_order
from tests.waiting import eventually


async def test_a_snapshot_holds_every_blob_once_under_its_digest(
    files: Files, target: TargetInfo, folder: Folder, backups: Backups
) -> None:
    await files.put("a/one.txt", b"one")
    await files.put("b/also-one.txt", b"one")
    await files.put("two.txt", b"two")

    snapshot = await backups.take(files.bucket, target.name)

    assert (snapshot.files, snapshot.bytes) == (3, 9)
    assert (snapshot.copied_blobs, snapshot.copied_bytes) == (2, 6)
    assert times_in_order(snapshot.created_at, snapshot.exported_at, snapshot.finished_at)
    assert folder.blobs() == {hashlib.sha256(c).hexdigest(): c for c in (b"one", b"two")}


async def test_a_second_snapshot_copies_only_what_changed(
    files: Files, target: TargetInfo, backups: Backups
) -> None:
    for number in range(20):
        await files.put(f"{number}.txt", f"content {number}".encode())
    await backups.take(files.bucket, target.name)

    await files.put("7.txt", b"changed")
    second = await backups.take(files.bucket, target.name)

    assert second.files == 20
    assert (second.copied_blobs, second.copied_bytes) == (1, len(b"changed"))


async def test_a_bucket_that_did_not_change_has_the_same_manifest(
    files: Files, target: TargetInfo, folder: Folder, backups: Backups
) -> None:
    await files.put("a.txt", b"a")

    first = await backups.take(files.bucket, target.name)
    second = await backups.take(files.bucket, target.name)

    assert first.manifest_sha256 == second.manifest_sha256
    assert len(folder.manifests()) == 1
    assert len(folder.records()) == 2


async def test_an_empty_bucket_can_be_kept(
    files: Files, target: TargetInfo, backups: Backups
) -> None:
    snapshot = await backups.take(files.bucket, target.name)

    assert (snapshot.files, snapshot.bytes) == (0, 0)
    restored = await backups.restore(snapshot.snapshot_id)
    assert restored.state == "succeeded"


async def test_a_snapshot_is_announced(
    files: Files, target: TargetInfo, backups: Backups, events: Events
) -> None:
    await files.put("a.txt", b"a")

    snapshot = await backups.take(files.bucket, target.name)

    (created,) = await events.until(SnapshotCreated, lambda e: e.bucket == files.bucket)
    assert (created.snapshot_id, created.target) == (snapshot.snapshot_id, target.name)
    assert (created.files, created.bytes, created.actor) == (1, 1, ACTOR)


async def test_snapshots_taken_at_once_into_one_target_form_a_chain(
    a_bucket: Callable[[], Awaitable[Files]], target: TargetInfo, backups: Backups
) -> None:
    buckets = [await a_bucket() for _ in range(3)]
    for number, files in enumerate(buckets):
        await files.put("shared.bin", b"shared" * 100_000)
        await files.put("own.txt", f"own {number}".encode())

    taken = await asyncio.gather(*[backups.take(f.bucket, target.name) for f in buckets])

    checked = [await backups.verify(snapshot.snapshot_id) for snapshot in taken]
    assert [task.state for task in checked] == ["succeeded"] * 3
    assert [task.result and task.result["damaged"] for task in checked] == [0, 0, 0]


async def test_damaged_bytes_in_the_object_store_fail_the_snapshot_by_name(
    files: Files, target: TargetInfo, folder: Folder, backups: Backups, store: BlobStore
) -> None:
    await files.put("good.txt", b"good")
    await files.put("gone.txt", b"gone from the store")
    await files.put("rotten.txt", b"rotten in the store")
    await store.put(await files.key_of("rotten.txt"), b"rottem")
    await store.delete(await files.key_of("gone.txt"))

    accepted = await backups.begin(files.bucket, target.name)
    task = await backups.end_of(accepted.task_id)

    assert task.state == "failed"
    assert task.problem is not None
    assert task.problem.code == "source-damaged"
    assert task.problem.fields["paths"] == ["gone.txt", "rotten.txt"]
    assert not folder.records()
    await eventually(lambda: backups.has_failed(accepted.snapshot_id))


async def test_a_cancelled_snapshot_leaves_no_record(
    ask: Ask, files: Files, target: TargetInfo, folder: Folder, backups: Backups
) -> None:
    # So much that the copying outlasts the news of the cancellation.
    for number in range(10):
        await files.put(f"{number}.bin", number.to_bytes(2, "big") * 12_000_000)

    accepted = await backups.begin(files.bucket, target.name)
    await backups.step_of(accepted.task_id, "copying")
    await ask(CancelTask(task_id=accepted.task_id, actor=ACTOR))
    task = await backups.end_of(accepted.task_id)

    assert task.state == "cancelled"
    assert not folder.records()
    await eventually(lambda: backups.has_failed(accepted.snapshot_id))


async def test_a_target_that_lost_its_repository_takes_no_snapshot(
    files: Files, target: TargetInfo, folder: Folder, backups: Backups
) -> None:
    await files.put("a.txt", b"a")
    folder.config.unlink()

    accepted = await backups.begin(files.bucket, target.name)
    task = await backups.end_of(accepted.task_id)

    assert task.problem is not None
    assert task.problem.code == "target-replaced"


async def test_a_snapshot_of_no_bucket_fails_by_name(target: TargetInfo, backups: Backups) -> None:
    accepted = await backups.begin("no-such-bucket", target.name)
    task = await backups.end_of(accepted.task_id)

    assert task.problem is not None
    assert task.problem.code == "bucket-not-found"


async def test_a_snapshot_into_no_target_is_refused(ask: Ask, files: Files) -> None:
    with pytest.raises(AnsweredWithProblem) as refused:
        await ask(TakeSnapshot(bucket=files.bucket, target="no-such-target", actor=ACTOR))

    assert refused.value.named == "target-not-found"


async def test_unknown_snapshots_are_not_found(backups: Backups) -> None:
    with pytest.raises(AnsweredWithProblem) as refused:
        await backups.get(new_id())

    assert refused.value.named == "snapshot-not-found"


async def test_snapshots_are_listed_newest_first_page_by_page(
    ask: Ask, files: Files, target: TargetInfo, backups: Backups
) -> None:
    taken = [await backups.take(files.bucket, target.name) for _ in range(3)]

    first = await ask(ListSnapshots(bucket=files.bucket, limit=2))
    second = await ask(ListSnapshots(bucket=files.bucket, limit=2, before=first.next))

    listed = [snapshot.snapshot_id for snapshot in (*first.items, *second.items)]
    assert listed == [snapshot.snapshot_id for snapshot in reversed(taken)]
    assert second.next is None
