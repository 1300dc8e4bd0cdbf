"""``strongroom git import`` and ``git export``, with repositories that git itself made."""

import os
from pathlib import Path

import pytest

from libs.client import Client
from libs.contracts.ids import new_id
from libs.contracts.storage import PutContent
from tests.builders import a_bucket_name
from tests.service.client.command import Command
from tests.service.client.recording import put
from tests.service.client.repositories import GIT, Repository, a_hard_one
from tests.waiting import eventually

pytestmark = pytest.mark.skipif(GIT is None, reason="git is not installed")


async def test_a_history_goes_in_and_comes_out_with_its_ids(
    strongroom: Command, client: Client, bucket: str, tmp_path: Path
) -> None:
    source = a_hard_one(tmp_path / "source", new_id().hex)

    imported = await strongroom.ok(
        *("git", "import", "source", bucket, "--all", "--tags", "--main", "master")
    )
    exported = await strongroom.ok("git", "export", bucket, "back", "--all")

    back = Repository(tmp_path / "back")
    assert "imported 9 commits" in imported.out
    assert "did not get" not in exported.err
    assert back.git("fsck", "--strict") == ""
    assert back.ids() == source.ids()
    assert back.refs() == {**source.refs(), "refs/heads/main": source.id_of("master")}
    assert back.git("status", "--short") == ""
    assert [file.path async for file in client.files.list(bucket)] == source.git(
        *("-c", "core.quotePath=false", "ls-tree", "-r", "--name-only", "master")
    ).splitlines()


async def test_authors_times_and_messages_are_those_of_git(
    strongroom: Command, bucket: str, tmp_path: Path
) -> None:
    source = Repository.create(tmp_path / "source")
    source.commit("Say hello\n\nto everybody", a=new_id().hex)

    await strongroom.ok("git", "import", "source", bucket)
    (commit,) = (await strongroom.ok("log", bucket, "--ref", "master", "--json")).json()

    assert commit["author"] == "git:Ann Ö <ann@example.org>"
    assert commit["message"] == "Say hello\n\nto everybody\n"
    assert commit["metadata"]["git-commit"] == source.id_of("HEAD")
    assert commit["created_at"].startswith("2020-01-02T")


async def test_what_is_new_in_git_is_all_that_comes_the_second_time(
    strongroom: Command, bucket: str, tmp_path: Path
) -> None:
    source = Repository.create(tmp_path / "source", "main")
    source.commit("One", a=new_id().hex)
    await strongroom.ok("git", "import", "source", bucket)
    source.commit("Two", b=new_id().hex)
    source.git("branch", "topic")

    second = await strongroom.ok("git", "import", "source", bucket, "--all")
    third = await strongroom.ok("git", "import", "source", bucket, "--all")
    await strongroom.ok("git", "export", bucket, "back.git", "--bare")

    assert "imported 1 commit, 1 blob" in second.out
    assert "imported 0 commits, 0 blobs" in third.out
    assert (await strongroom.ok("ls", bucket)).out == "a\nb\n"
    back = Repository(tmp_path / "back.git")
    assert back.refs() == {"refs/heads/main": source.id_of("main")}


async def test_an_interrupted_import_goes_on(
    strongroom: Command, client: Client, bucket: str, tmp_path: Path
) -> None:
    source = Repository.create(tmp_path / "source")
    for number in range(30):
        source.commit(f"Commit {number}", **{f"file{number}": new_id().hex})

    process = await strongroom.start("git", "import", "source", bucket)
    await _some_commit_is_there(client, bucket)
    process.kill()
    await process.wait()
    await strongroom.ok("git", "import", "source", bucket)
    await strongroom.ok("git", "export", bucket, "back", "--ref", "master")

    assert Repository(tmp_path / "back").id_of("master") == source.id_of("master")


async def test_what_was_changed_here_is_exported_on_top(
    strongroom: Command, client: Client, bucket: str, tmp_path: Path
) -> None:
    source = Repository.create(tmp_path / "source", "main")
    source.write("run.sh", new_id().hex)
    (source.path / "run.sh").chmod(0o755)
    first = source.commit("One", gone=new_id().hex)
    await strongroom.ok("git", "import", "source", bucket)
    await client.files.put(bucket, "docs/new.md", new_id().bytes)
    await client.files.delete(bucket, "gone")

    await strongroom.ok("git", "export", bucket, "back")
    await strongroom.ok("git", "export", bucket, "back")
    await strongroom.ok("git", "export", bucket, "twin")

    back = Repository(tmp_path / "back")
    assert back.git("fsck", "--strict") == ""
    assert back.git("ls-tree", "-r", "--name-only", "main").split() == ["docs/new.md", "run.sh"]
    assert back.git("ls-tree", "main", "run.sh").startswith("100755 ")
    assert back.git("rev-list", "main").split()[-1] == first  # under one commit, or two
    assert back.id_of("main") == Repository(tmp_path / "twin").id_of("main")
    assert os.access(tmp_path / "back" / "run.sh", os.X_OK)


async def test_a_commit_of_many_files_comes_in_parts(
    strongroom: Command, client: Client, bucket: str, tmp_path: Path
) -> None:
    source = Repository.create(tmp_path / "source", "main")
    same = new_id().hex
    for number in range(2_300):
        source.write(f"folder{number % 7}/{number}", same)
    first = source.commit("Many")
    source.git("rm", "-rq", "folder0", "folder1", "folder2", "folder3")
    source.commit("Fewer")

    imported = await strongroom.ok("git", "import", "source", bucket)
    await strongroom.ok("git", "export", bucket, "back")

    assert "imported 2 commits, 1 blob" in imported.out
    back = Repository(tmp_path / "back")
    assert (back.id_of("main"), back.id_of("main~1")) == (source.id_of("main"), first)


async def test_what_main_cannot_take_is_told_and_the_rest_is_there(
    strongroom: Command, client: Client, bucket: str, tmp_path: Path
) -> None:
    source = Repository.create(tmp_path / "source", "main")
    source.commit("One", a=new_id().hex)
    source.git("branch", "topic")
    await client.files.put(bucket, "a", new_id().bytes)

    imported = await strongroom("git", "import", "source", bucket, "--all")

    assert imported.code == 1
    assert "left alone: " in imported.out
    assert "merge-conflict" in imported.out
    assert "imported 1 commit" in imported.out
    await strongroom.ok("merge", bucket, "topic", "--theirs", "a")


async def test_tags_and_branches_made_here_are_exported(
    strongroom: Command, client: Client, bucket: str, tmp_path: Path
) -> None:
    await put(client, bucket, "a", new_id().bytes)
    await client.tags.create(bucket, "v1", message="The first")
    await client.tags.create(bucket, "light")
    await client.branches.create(bucket, "feature/x")

    told = await strongroom.ok("git", "export", bucket, "back", "--all", "--json")

    back = Repository(tmp_path / "back")
    assert [one["state"] for one in told.json()] == ["created"] * 4
    assert back.git("cat-file", "-t", "v1") == "tag\n"
    assert back.git("tag", "-l", "--format=%(contents)", "v1").strip() == "The first"
    assert back.id_of("light") == back.id_of("feature/x") == back.id_of("v1^{commit}")
    assert back.git("fsck", "--strict") == ""


async def test_nobody_passes_a_commit_off_as_one_of_git(
    strongroom: Command, client: Client, bucket: str, tmp_path: Path
) -> None:
    source = Repository.create(tmp_path / "source", "main")
    honest = source.commit("Honest", a=new_id().hex)
    held = await client.contents.put(bucket, new_id().bytes)

    change = PutContent(path="a", sha256=held.sha256)
    await client.commits.create(bucket, [change], metadata={"git-commit": honest})
    exported = await strongroom.ok("git", "export", bucket, "source", "--force")

    assert "exported 1 commit, 1 blob" in exported.out
    assert source.id_of("main") != honest


async def test_an_export_goes_on_and_never_loses_commits_of_git(
    strongroom: Command, client: Client, bucket: str, tmp_path: Path
) -> None:
    await client.files.put(bucket, "a", new_id().bytes)
    await strongroom.ok("git", "export", bucket, "back")
    back = Repository(tmp_path / "back")
    mine = back.commit("Mine", mine="mine")
    await client.files.put(bucket, "b", new_id().bytes)

    refused = await strongroom("git", "export", bucket, "back")
    kept = back.id_of("main")
    await strongroom.ok("git", "export", bucket, "back", "--force")

    assert (refused.code, "left alone" in refused.out) == (1, True)
    assert kept == mine
    assert back.git("ls-tree", "--name-only", "main").split() == ["a", "b"]


async def test_nothing_is_changed_for_what_a_bucket_cannot_have(
    strongroom: Command, client: Client, bucket: str, tmp_path: Path
) -> None:
    bad = Repository.create(tmp_path / "bad")
    bad.commit("Good", good=new_id().hex)
    bad.write("a\\b", "backslash")
    bad.commit("Bad")
    modular = Repository.create(tmp_path / "modular")
    modular.commit("Good", good=new_id().hex)
    modular.git("update-index", "--add", "--cacheinfo", f"160000,{'1' * 40},module")
    modular.git("commit", "-q", "-m", "A submodule")

    refused = await strongroom("git", "import", "bad", bucket)
    modules = await strongroom("git", "import", "modular", bucket)
    left = [one.name async for one in client.branches.list(bucket)]
    skipped = await strongroom.ok("git", "import", "modular", bucket, "--skip-submodules")

    assert refused.code == 2
    assert "refused: a\\b: the path contains a backslash" in refused.err
    assert (modules.code, "submodules are not imported: module" in modules.err) == (2, True)
    assert left == ["main"]
    assert "left out: submodules module" in skipped.err


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("nothing",), "no git repository"),
        (("source", "--branch", "nobody"), "has no branch 'nobody'; it has: master"),
        (("source", "--branch", "master", "--all"), "not both"),
    ],
    ids=["no-repository", "no-branch", "both"],
)
async def test_what_makes_no_sense_is_named(
    strongroom: Command, bucket: str, tmp_path: Path, words: tuple[str, ...], why: str
) -> None:
    Repository.create(tmp_path / "source").commit("One", a="1")
    (tmp_path / "nothing").mkdir()

    refused = await strongroom("git", "import", words[0], bucket, *words[1:])

    assert (refused.code, why in refused.err) == (2, True), refused.err


async def test_a_history_without_its_bytes_is_not_exported(
    strongroom: Command, client: Client, bucket: str
) -> None:
    await put(client, bucket, "a", new_id().bytes)
    await put(client, bucket, "a", new_id().bytes)
    await client.retention.purge(bucket, path="a")

    refused = await strongroom("git", "export", bucket, "back")

    assert refused.code == 1
    assert refused.err.startswith("strongroom: a at commit ")
    assert "was given up" in refused.err


async def test_an_import_that_is_refused_says_why(
    strongroom: Command, client: Client, bucket: str, tmp_path: Path
) -> None:
    Repository.create(tmp_path / "source").commit("Large", a=new_id().hex * 100)
    await client.buckets.update(bucket, quota_bytes=100)

    refused = await strongroom("git", "import", "source", bucket)

    assert refused.code == 1
    assert refused.err.startswith("strongroom: ")
    assert "quota" in refused.err
    assert "a bug" not in refused.err
    assert [one.name async for one in client.branches.list(bucket)] == ["main"]


async def test_a_file_that_is_a_folder_too_is_no_tree_of_git(
    strongroom: Command, client: Client, tmp_path: Path
) -> None:
    bucket = (await client.buckets.create(a_bucket_name("both"))).name
    await client.files.put(bucket, "a", new_id().bytes)
    await client.files.put(bucket, "a/b", new_id().bytes)

    refused = await strongroom("git", "export", bucket, "back")

    assert refused.code == 1
    assert "a is a file and a folder at once" in refused.err


async def _some_commit_is_there(client: Client, bucket: str) -> None:
    """Wait until storage took content of the import; it is killed somewhere behind that."""

    async def holds_some() -> bool:
        return (await client.quotas.usage(bucket)).held.number >= 5

    await eventually(holds_some)
