import asyncio
import sys

from libs.contracts.backup import CreateTarget, TargetInfo
from tests.service.backup.steps import ACTOR, Ask, Backups, Files, Folder


async def adopt(environment: dict[str, str], target: str) -> tuple[int, str]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "services.backup",
        "adopt",
        target,
        env=environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    return process.returncode or 0, output.decode()


async def test_snapshots_come_back_from_the_target_alone(
    ask: Ask,
    backup_environment: dict[str, str],
    files: Files,
    target: TargetInfo,
    backups: Backups,
) -> None:
    await files.put("a.txt", b"a", tags={"kept": "yes"})
    await files.put("b.txt", b"b")
    before = await files.states()
    first = await backups.take(files.bucket, target.name)
    second = await backups.take(files.bucket, target.name)
    await backups.forget(target.name)
    await files.remove_all()

    await ask(CreateTarget(name="adopted-" + target.name, url=target.url, actor=ACTOR))
    code, output = await adopt(backup_environment, "adopted-" + target.name)

    assert (code, output) == (0, "2 snapshots adopted, 0 known already, 2 blobs found\n")
    known = await backups.get(first.snapshot_id)
    assert (known.state, known.files, known.manifest_sha256) == (
        "complete",
        2,
        first.manifest_sha256,
    )
    restored = await backups.restore(second.snapshot_id)
    assert restored.state == "succeeded"
    assert await files.states() == before
    assert (await backups.take(files.bucket, "adopted-" + target.name)).copied_blobs == 0


async def test_adopting_twice_changes_nothing_and_a_broken_record_is_told(
    backup_environment: dict[str, str],
    files: Files,
    target: TargetInfo,
    folder: Folder,
    backups: Backups,
) -> None:
    await backups.take(files.bucket, target.name)
    await backups.take(files.bucket, target.name)

    again = await adopt(backup_environment, target.name)
    folder.records()[0].write_text("{")
    broken_code, broken_output = await adopt(backup_environment, target.name)

    assert again == (0, "0 snapshots adopted, 2 known already, 0 blobs found\n")
    assert broken_code == 1
    assert "not adopted: snapshots/" in broken_output


async def test_a_target_that_is_not_registered_cannot_be_adopted(
    backup_environment: dict[str, str],
) -> None:
    code, output = await adopt(backup_environment, "no-such-target")

    assert code == 1
    assert "no target is named" in output
