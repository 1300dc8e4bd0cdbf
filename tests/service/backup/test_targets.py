from pathlib import Path
from uuid import uuid4

import pytest

from libs.contracts.backup import CreateTarget, DeleteTarget, ListTargets, TargetInfo
from libs.contracts.problems import AnsweredWithProblem
from tests.service.backup.steps import ACTOR, Ask, Backups, Files, Folder
from tests.waiting import eventually


def a_name() -> str:
    return f"target-{uuid4().hex[:12]}"


async def refusal(ask: Ask, url: str, *, name: str | None = None) -> AnsweredWithProblem:
    with pytest.raises(AnsweredWithProblem) as refused:
        await ask(CreateTarget(name=name or a_name(), url=url, actor=ACTOR))
    return refused.value


async def test_a_new_target_begins_a_repository_and_leaves_no_probe(
    target: TargetInfo, folder: Folder
) -> None:
    assert target.durability == "durable"
    assert folder.config.is_file()
    assert not folder.probes()


async def test_an_s3_target_works_and_shows_no_secret(
    ask: Ask, backup_environment: dict[str, str], files: Files, backups: Backups
) -> None:
    location, _, options = backup_environment["STRONGROOM_BACKUP_STORE_URL"].partition("?")
    name = a_name()
    await files.put("a.txt", b"a")

    made = await ask(
        CreateTarget(name=name, url=f"{location}/targets/{name}?{options}", actor=ACTOR)
    )
    snapshot = await backups.take(files.bucket, name)
    checked = await backups.verify(snapshot.snapshot_id)

    assert "@" not in made.url
    assert made.url.endswith(f"/targets/{name}")
    assert checked.result is not None
    assert checked.result["damaged"] == 0


@pytest.mark.parametrize("path", ["/etc", "/var/elsewhere", "/"])
async def test_a_folder_outside_the_allowed_directories_is_refused(ask: Ask, path: str) -> None:
    refused = await refusal(ask, f"file://{path}")

    assert refused.named == "target-url-refused"


async def test_a_link_does_not_lead_out_of_the_allowed_directories(
    ask: Ask, file_root: Path, tmp_path: Path
) -> None:
    link = a_link(file_root, tmp_path)

    refused = await refusal(ask, f"file://{link}/inside")

    assert refused.named == "target-url-refused"
    assert not (tmp_path / "inside").exists()


def a_link(root: Path, to: Path) -> Path:
    root.mkdir(parents=True, exist_ok=True)
    link = root / a_name()
    link.symlink_to(to)
    return link


async def test_a_target_where_nobody_listens_is_unusable_and_its_secret_stays_secret(
    ask: Ask,
) -> None:
    refused = await refusal(ask, "s3://key:s3cr3t@127.0.0.1:9/bucket?tls=false")

    assert refused.named == "target-unusable"
    assert "s3cr3t" not in str(refused)


async def test_a_target_with_wrong_credentials_is_unusable(
    ask: Ask, backup_environment: dict[str, str]
) -> None:
    location, _, options = backup_environment["STRONGROOM_BACKUP_STORE_URL"].partition("?")
    host_and_bucket = location.rpartition("@")[2]

    refused = await refusal(ask, f"s3://wrong:s3cr3t@{host_and_bucket}/x?{options}")

    assert refused.named == "target-unusable"


async def test_a_repository_of_another_format_is_not_touched(ask: Ask, file_root: Path) -> None:
    folder = Folder(file_root / a_name())
    folder.path.mkdir(parents=True)
    folder.config.write_text('{"format": "v7"}')

    refused = await refusal(ask, f"file://{folder.path}")

    assert refused.named == "target-unusable"
    assert folder.config.read_text() == '{"format": "v7"}'


async def test_names_and_places_are_taken_once(ask: Ask, target: TargetInfo) -> None:
    same_name = await refusal(ask, target.url + "-other", name=target.name)
    same_place = await refusal(ask, target.url)

    assert (same_name.named, same_place.named) == ("target-exists", "target-exists")


async def test_a_forgotten_target_leaves_its_snapshots_where_they_are(
    ask: Ask, files: Files, target: TargetInfo, folder: Folder, backups: Backups
) -> None:
    await files.put("a.txt", b"a")
    await backups.take(files.bucket, target.name)

    await backups.forget(target.name)

    assert folder.records()
    assert target.name not in [item.name for item in (await ask(ListTargets())).items]


async def test_a_target_with_a_running_task_cannot_be_forgotten(
    ask: Ask, files: Files, target: TargetInfo, backups: Backups
) -> None:
    accepted = await backups.begin(files.bucket, target.name)

    with pytest.raises(AnsweredWithProblem) as refused:
        await ask(DeleteTarget(name=target.name))

    assert refused.value.named == "target-in-use"
    await backups.end_of(accepted.task_id)


async def test_a_platform_begins_with_a_target(
    ask: Ask, backup_environment: dict[str, str]
) -> None:
    url = backup_environment["STRONGROOM_BACKUP_DEFAULT_TARGET_URL"]

    async def found() -> list[str]:
        return [item.url for item in (await ask(ListTargets())).items if item.name == "local"]

    assert await eventually(found) == [url]
