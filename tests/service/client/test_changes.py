"""Many files are changed at once on the real platform: whole or not at all, and in few commits."""

import pytest

from libs.client import ApiProblem, Client
from libs.contracts.storage import CopyPath, MovePath, RemovePath
from libs.contracts.versioning import CommitInfo
from tests.waiting import eventually


async def paths(client: Client, bucket: str) -> list[str]:
    return [file.path async for file in client.files.list(bucket)]


async def test_changes_are_made_together_or_not_at_all(client: Client, bucket: str) -> None:
    old = await client.files.put(bucket, "old", b"x")

    with pytest.raises(ApiProblem, match="file-not-found"):
        await client.files.change(bucket, [RemovePath(path="old"), RemovePath(path="missing")])
    with pytest.raises(ApiProblem, match="precondition-failed"):
        await client.files.change(bucket, [RemovePath(path="old")], expect={"old": "0" * 64})
    before = await paths(client, bucket)
    done = await client.files.change(
        bucket,
        [CopyPath(source="old", path="copy"), MovePath(source="old", path="new")],
        expect={"old": old.sha256, "new": None},
    )

    assert before == ["old"]
    assert [change.path for change in done.changed] == ["copy", "new", "old"]
    assert await paths(client, bucket) == ["copy", "new"]


async def test_many_files_are_deleted_in_few_commits_whoever_deletes_some_meanwhile(
    client: Client, bucket: str
) -> None:
    await client.files.put(bucket, "0", b"x")
    numbers = [str(number) for number in range(1, 1200)]
    copies = [CopyPath(source="0", path=number) for number in numbers]
    steps: list[int] = []

    made = await client.files.change_many(bucket, copies, message="copied", on_batch=steps.append)
    gone = await client.files.delete_many(bucket, ["never", *numbers[1:]], message="deleted")

    assert (made, steps, gone) == (1199, [500, 500, 199], 1198)
    assert await paths(client, bucket) == ["0", "1"]

    async def all_is_told() -> list[CommitInfo]:
        commits = [commit async for commit in client.versions.commits(bucket)]
        then = client.files.list(bucket, ref=commits[0].commit_id)
        return commits if [file.path async for file in then] == ["0", "1"] else []

    commits = await eventually(all_is_told)
    assert {commit.message for commit in commits[:-1]} == {"copied", "deleted"}
    assert len(commits) < 100


async def test_what_is_known_of_a_file_is_changed_and_its_bytes_stay(
    client: Client, bucket: str
) -> None:
    put = await client.files.put(bucket, "a", b"x", metadata={"by": "Ada"}, tags={"year": "2025"})

    changed = await client.files.update(bucket, "a", tags={"year": "2026"}, if_match=put.sha256)
    with pytest.raises(ApiProblem, match="precondition-failed"):
        await client.files.update(bucket, "a", content_type="text/plain", if_match="0" * 64)

    assert (changed.tags, changed.metadata) == ({"year": "2026"}, {"by": "Ada"})
    assert (changed.content_type, changed.sha256) == (put.content_type, put.sha256)


async def test_a_prefix_is_copied_moved_and_deleted_whole(client: Client, bucket: str) -> None:
    for path in ("a/1", "a/deep/2", "there/1"):
        await client.files.put(bucket, path, path.encode())

    with pytest.raises(ApiProblem, match="file-exists"):
        await client.files.copy_prefix(bucket, "a/", "there/")
    with pytest.raises(ApiProblem, match="prefix-not-found"):
        await client.files.move_prefix(bucket, "none/", "b/")
    before = await paths(client, bucket)
    copied = await client.files.copy_prefix(bucket, "a/", "there/", overwrite=True)
    moved = await client.files.move_prefix(bucket, "a/", "b/", message="tidy")
    deleted = await client.files.delete_prefix(bucket, "there/")

    assert before == ["a/1", "a/deep/2", "there/1"]
    assert (copied, moved, deleted) == (2, 2, 2)
    assert await paths(client, bucket) == ["b/1", "b/deep/2"]
    assert await client.files.get(bucket, "b/deep/2") == b"a/deep/2"
