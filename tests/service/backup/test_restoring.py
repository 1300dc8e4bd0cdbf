from collections.abc import Awaitable, Callable

from libs.blobs import BlobStore
from libs.contracts.backup import RestoreFinished, TargetInfo
from libs.contracts.storage import FileStored
from tests.listening import Events
from tests.service.backup.steps import ACTOR, Backups, Files, Folder, flip_a_bit


async def fill(files: Files) -> None:
    await files.put("docs/a.txt", b"a" * 10, metadata={"title": "A"}, tags={"year": "2026"})
    await files.put("docs/b.json", b"{}", content_type="application/json")
    await files.put("same.json", b"{}", content_type="application/x-other")
    await files.put("big.bin", bytes(range(256)) * 40_000, content_type="image/png")
    await files.put("empty", b"")


async def test_deleted_files_come_back_equal_in_everything(
    files: Files, target: TargetInfo, backups: Backups, events: Events
) -> None:
    await fill(files)
    before = await files.states()
    snapshot = await backups.take(files.bucket, target.name)
    await files.remove_all()

    task = await backups.restore(snapshot.snapshot_id)

    assert task.state == "succeeded"
    assert await files.states() == before
    assert task.result is not None
    assert (task.result["restored"], task.result["unchanged"]) == (5, 0)
    (finished,) = await events.until(RestoreFinished, lambda e: e.bucket == files.bucket)
    assert (finished.restored, finished.actor) == (5, ACTOR)
    restored = await events.until(
        FileStored,
        lambda e: e.bucket == files.bucket and e.operation == "restore",
        count=5,
    )
    assert str(snapshot.snapshot_id) in restored[0].message


async def test_files_that_are_equal_already_are_left_alone(
    files: Files, target: TargetInfo, backups: Backups
) -> None:
    await fill(files)
    snapshot = await backups.take(files.bucket, target.name)
    await files.put("docs/a.txt", b"changed")
    await files.put("new.txt", b"new")
    before = await files.revisions()

    task = await backups.restore(snapshot.snapshot_id)

    assert task.result is not None
    assert (task.result["restored"], task.result["unchanged"]) == (1, 4)
    after = await files.revisions()
    assert after.pop("docs/a.txt") > before.pop("docs/a.txt")
    assert after == before


async def test_a_snapshot_can_be_restored_into_another_bucket(
    files: Files,
    a_bucket: Callable[[], Awaitable[Files]],
    target: TargetInfo,
    backups: Backups,
    events: Events,
) -> None:
    await fill(files)
    snapshot = await backups.take(files.bucket, target.name)
    other = await a_bucket()

    task = await backups.restore(snapshot.snapshot_id, into=other.bucket)

    assert task.state == "succeeded"
    assert await other.states() == await files.states()
    assert await other.read("big.bin") == await files.read("big.bin")
    told = await events.until(FileStored, lambda e: e.bucket == other.bucket, count=5)
    said = f"restored from snapshot {snapshot.snapshot_id}"
    assert {(event.operation, event.message) for event in told} == {("restore", said)}


async def test_bytes_that_the_object_store_lost_come_back_from_the_target(
    files: Files, target: TargetInfo, backups: Backups, store: BlobStore
) -> None:
    await fill(files)
    snapshot = await backups.take(files.bucket, target.name)
    content = await files.read("big.bin")
    for path in await files.states():
        await store.delete(await files.key_of(path))

    task = await backups.restore(snapshot.snapshot_id)

    assert task.state == "succeeded"
    assert await files.read("big.bin") == content
    assert await files.read("empty") == b""


async def test_lost_bytes_come_back_also_in_another_bucket(
    files: Files,
    a_bucket: Callable[[], Awaitable[Files]],
    target: TargetInfo,
    backups: Backups,
    store: BlobStore,
) -> None:
    await files.put("lost.bin", b"lost" * 5000)
    snapshot = await backups.take(files.bucket, target.name)
    await store.delete(await files.key_of("lost.bin"))
    other = await a_bucket()

    task = await backups.restore(snapshot.snapshot_id, into=other.bucket)

    assert task.state == "succeeded"
    assert await other.read("lost.bin") == b"lost" * 5000


async def test_only_the_files_asked_for_are_restored(
    files: Files, target: TargetInfo, backups: Backups
) -> None:
    await fill(files)
    snapshot = await backups.take(files.bucket, target.name)
    await files.remove_all()

    await backups.restore(snapshot.snapshot_id, paths=["empty"])
    assert set(await files.states()) == {"empty"}

    await backups.restore(snapshot.snapshot_id, prefix="docs/")
    assert set(await files.states()) == {"empty", "docs/a.txt", "docs/b.json"}


async def test_a_path_that_the_snapshot_does_not_have_is_named(
    files: Files, target: TargetInfo, backups: Backups
) -> None:
    await fill(files)
    snapshot = await backups.take(files.bucket, target.name)
    await files.remove_all()

    task = await backups.restore(snapshot.snapshot_id, paths=["empty", "never/was"])

    assert task.problem is not None
    assert task.problem.code == "path-not-in-snapshot"
    assert task.problem.fields["paths"] == ["never/was"]
    assert await files.states() == {}


async def test_damaged_files_fail_by_name_and_all_others_come_back(
    files: Files,
    a_bucket: Callable[[], Awaitable[Files]],
    target: TargetInfo,
    folder: Folder,
    backups: Backups,
) -> None:
    await files.put("whole.txt", b"whole")
    await files.put("flipped.txt", b"flipped")
    await files.put("gone.txt", b"gone from the target")
    snapshot = await backups.take(files.bucket, target.name)
    flip_a_bit(folder.blob(b"flipped"))
    folder.blob(b"gone from the target").unlink()
    other = await a_bucket()

    task = await backups.restore(snapshot.snapshot_id, into=other.bucket)

    assert task.state == "failed"
    assert task.problem is not None
    assert task.problem.code == "restore-incomplete"
    found = {item["path"]: item["damage"] for item in task.problem.fields["listed"]}
    assert found == {"flipped.txt": "damaged", "gone.txt": "missing"}
    assert set(await other.states()) == {"whole.txt"}


async def test_a_restore_into_no_bucket_fails_by_name(
    files: Files, target: TargetInfo, backups: Backups
) -> None:
    await fill(files)
    snapshot = await backups.take(files.bucket, target.name)

    task = await backups.restore(snapshot.snapshot_id, into="no-such-bucket")

    assert task.problem is not None
    assert task.problem.code == "bucket-not-found"


async def test_a_thousand_long_paths_can_be_asked_for(
    files: Files, target: TargetInfo, backups: Backups
) -> None:
    await files.put("empty", b"")
    snapshot = await backups.take(files.bucket, target.name)
    long_paths = [f"{number}/" + "x" * 600 for number in range(999)]

    task = await backups.restore(snapshot.snapshot_id, paths=["empty", *long_paths])

    assert task.problem is not None
    assert task.problem.code == "path-not-in-snapshot"
    assert task.problem.fields["unknown"] == 999
