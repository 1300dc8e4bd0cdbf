from libs.contracts.backup import SnapshotVerified, TargetInfo
from tests.listening import Events
from tests.service.backup.steps import Backups, Files, Folder, flip_a_bit


async def test_a_whole_snapshot_is_found_whole(
    files: Files, target: TargetInfo, backups: Backups, events: Events
) -> None:
    await files.put("a.txt", b"a")
    snapshot = await backups.take(files.bucket, target.name)

    task = await backups.verify(snapshot.snapshot_id)

    assert task.state == "succeeded"
    assert task.result is not None
    assert (task.result["files"], task.result["damaged"]) == (1, 0)
    (verified,) = await events.until(SnapshotVerified, lambda e: e.bucket == files.bucket)
    assert verified.damaged == 0
    assert (await backups.get(snapshot.snapshot_id)).verified_at is not None


async def test_a_flipped_bit_and_a_missing_blob_are_found_as_files(
    files: Files, target: TargetInfo, folder: Folder, backups: Backups, events: Events
) -> None:
    for name, content in {"whole": b"w" * 1000, "flipped": b"f" * 1000, "gone": b"g"}.items():
        await files.put(f"{name}.bin", content)
    await files.put("flipped-too.bin", b"f" * 1000)
    snapshot = await backups.take(files.bucket, target.name)
    flip_a_bit(folder.blob(b"f" * 1000))
    folder.blob(b"g").unlink()

    task = await backups.verify(snapshot.snapshot_id)

    assert task.result is not None
    found = {item["path"]: item["damage"] for item in task.result["listed"]}
    assert found == {
        "flipped-too.bin": "damaged",
        "flipped.bin": "damaged",
        "gone.bin": "missing",
    }
    assert (await backups.get(snapshot.snapshot_id)).damaged == 3
    (verified,) = await events.until(SnapshotVerified, lambda e: e.bucket == files.bucket)
    assert verified.damaged == 3


async def test_the_next_snapshot_heals_what_was_found_damaged(
    files: Files, target: TargetInfo, folder: Folder, backups: Backups
) -> None:
    await files.put("flipped.bin", b"f" * 1000)
    first = await backups.take(files.bucket, target.name)
    flip_a_bit(folder.blob(b"f" * 1000))
    await backups.verify(first.snapshot_id)

    second = await backups.take(files.bucket, target.name)

    assert second.copied_blobs == 1
    checked = await backups.verify(first.snapshot_id)
    assert checked.result is not None
    assert checked.result["damaged"] == 0


async def test_an_altered_manifest_fails_the_verification(
    files: Files, target: TargetInfo, folder: Folder, backups: Backups
) -> None:
    await files.put("a.txt", b"a")
    snapshot = await backups.take(files.bucket, target.name)
    (manifest,) = folder.manifests()
    flip_a_bit(manifest)

    task = await backups.verify(snapshot.snapshot_id)

    assert task.problem is not None
    assert task.problem.code == "snapshot-damaged"
    assert (await backups.get(snapshot.snapshot_id)).damaged == 1


async def test_an_altered_record_fails_the_verification(
    files: Files, target: TargetInfo, folder: Folder, backups: Backups
) -> None:
    await files.put("a.txt", b"a")
    snapshot = await backups.take(files.bucket, target.name)
    (record,) = folder.records()
    record.write_text(record.read_text().replace('"files": 1', '"files": 0'))

    task = await backups.verify(snapshot.snapshot_id)

    assert task.problem is not None
    assert task.problem.code == "snapshot-damaged"


async def test_a_record_that_was_taken_away_breaks_the_chain(
    files: Files, target: TargetInfo, folder: Folder, backups: Backups
) -> None:
    for number in range(3):
        await files.put("a.txt", f"{number}".encode())
        snapshot = await backups.take(files.bucket, target.name)
    folder.records()[1].unlink()

    task = await backups.verify(snapshot.snapshot_id)

    assert task.problem is not None
    assert task.problem.code == "chain-broken"
