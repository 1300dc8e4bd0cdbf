"""A worker that is killed: another attempt ends with one whole snapshot."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from libs.contracts.backup import SnapshotAccepted, SnapshotCreated, TargetInfo
from libs.contracts.problems import ServiceUnavailable
from tests.listening import Events
from tests.platform import Platform
from tests.service.backup.steps import Backups, Files, Folder
from tests.waiting import eventually

KILLED = -9
FILES = 200


@pytest.mark.parametrize("crashpoint", ["after_copy:100", "before_snapshot", "after_snapshot"])
async def test_a_killed_snapshot_goes_on_and_becomes_one_whole_snapshot(
    crashpoint: str,
    platform: Platform,
    backup_environment: dict[str, str],
    files: Files,
    target: TargetInfo,
    folder: Folder,
    backups: Backups,
    events: Events,
) -> None:
    for number in range(FILES):
        await files.put(f"{number}.txt", f"content {number}".encode())

    async with halted(platform, "backup"):
        environment = backup_environment | {"STRONGROOM_CRASHPOINT": crashpoint}
        accepted = await begin_and_die(environment, backups, files.bucket, target.name)
        copied = {path: path.stat().st_mtime_ns for path in folder.blob_paths()}
        assert len(folder.records()) == (crashpoint == "after_snapshot")
    task = await backups.end_of(accepted.task_id)

    assert (task.state, task.attempt) == ("succeeded", 2)
    snapshot = await backups.get(accepted.snapshot_id)
    assert (snapshot.state, snapshot.copied_blobs) == ("complete", FILES)
    assert len(folder.records()) == 1
    again = [path for path, at in copied.items() if path.stat().st_mtime_ns != at]
    assert len(again) < 64 + 8, "more was copied again than could be unknown"
    (created,) = await events.until(SnapshotCreated, lambda e: e.bucket == files.bucket)
    assert created.copied_bytes == snapshot.copied_bytes
    checked = await backups.verify(snapshot.snapshot_id)
    assert checked.result is not None
    assert (checked.result["files"], checked.result["damaged"]) == (FILES, 0)


async def test_a_killed_restore_goes_on(
    platform: Platform, files: Files, target: TargetInfo, backups: Backups
) -> None:
    for number in range(FILES):
        await files.put(f"{number}.txt", f"content {number}".encode())
    before = await files.states()
    snapshot = await backups.take(files.bucket, target.name)
    await files.remove_all()

    accepted = await backups.begin_restore(snapshot.snapshot_id)
    await backups.is_running(accepted.task_id)
    await asyncio.to_thread(platform.stack.kill, "backup")
    task = await backups.end_of(accepted.task_id)

    assert task.state == "succeeded"
    assert await files.states() == before


@asynccontextmanager
async def halted(platform: Platform, service: str) -> AsyncIterator[None]:
    await asyncio.to_thread(platform.stack.halt, service)
    try:
        yield
    finally:
        await asyncio.to_thread(platform.stack.resume, service)


async def begin_and_die(
    environment: dict[str, str], backups: Backups, bucket: str, target: str
) -> SnapshotAccepted:
    """Ask a backup service for a snapshot and see it die of that."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "services.backup", env=environment
    )
    try:
        accepted = await eventually(lambda: begin_once_served(backups, bucket, target))
        assert accepted is not None
        assert await asyncio.wait_for(process.wait(), timeout=30) == KILLED
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return accepted


async def begin_once_served(backups: Backups, bucket: str, target: str) -> SnapshotAccepted | None:
    try:
        return await backups.begin(bucket, target)
    except ServiceUnavailable:
        return None
