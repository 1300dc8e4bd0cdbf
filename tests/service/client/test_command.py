"""The `strongroom` command against the real platform: what it does, says, and how it ends."""

import asyncio
import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest

from libs.client import Client
from libs.client.digests import sha256_of
from libs.client.parallel import each
from libs.client.trees import walk
from tests.platform import Platform
from tests.service.client.command import Command
from tests.waiting import eventually


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A directory with names that need care."""
    for name in ("a.txt", "deep/er/b.txt", "ü ?#%&+.txt", "empty", "[red]x"):
        path = tmp_path / "tree" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("" if name == "empty" else name * 100)
    (tmp_path / "tree" / "large.bin").write_bytes(os.urandom(6 << 20))
    return tmp_path / "tree"


@pytest.fixture
async def stored(client: Client, bucket: str, tree: Path) -> str:
    """The bucket, with the tree in it."""
    failed = await each(
        walk(tree).files, lambda file: put(client, bucket, file.name, file.path), jobs=4
    )
    assert not failed
    return bucket


async def put(client: Client, bucket: str, path: str, content: Path | bytes) -> None:
    await client.files.put(bucket, path, content)


def digests(directory: Path) -> dict[str, str]:
    files = (path for path in directory.rglob("*") if path.is_file())
    return {path.relative_to(directory).as_posix(): sha256_of(path) for path in files}


async def test_a_directory_goes_in_and_comes_out_equal(
    strongroom: Command, bucket: str, tree: Path, tmp_path: Path
) -> None:
    sent = await strongroom.ok("put", str(tree), f"{bucket}/in", "-j", "4")
    await strongroom.ok("get", f"{bucket}/in", "out")

    assert sent.out.startswith("put 6 files, ")
    assert digests(tmp_path / "out") == digests(tree)


async def test_only_what_differs_is_moved_with_sync(
    strongroom: Command, stored: str, tree: Path
) -> None:
    await strongroom.ok("get", stored, "out")
    (tree / "a.txt").write_text("changed")

    sent = await strongroom.ok("put", str(tree), stored, "--sync")
    got = await strongroom.ok("get", stored, "out", "--sync")

    assert "put 1 file, " in sent.out
    assert "5 unchanged" in sent.out
    assert "got 1 file, " in got.out
    assert "5 unchanged" in got.out


async def test_stdin_becomes_a_file_and_a_file_becomes_stdout(
    strongroom: Command, bucket: str
) -> None:
    content = os.urandom(3 << 20)

    process = await strongroom.start("put", "-", f"{bucket}/dump")
    await process.communicate(content)
    process = await strongroom.start("cat", f"{bucket}/dump")
    out, _ = await process.communicate()

    assert out == content


async def test_levels_prefixes_and_all_files_are_listed(
    strongroom: Command, stored: str, tree: Path
) -> None:
    level = await strongroom.ok("ls", stored)
    deep = await strongroom.ok("ls", f"{stored}/deep", "-r")
    one = await strongroom.ok("ls", f"{stored}/a.txt", "--json")
    buckets = await strongroom.ok("ls", "--json")

    expected = {"deep/", "a.txt", "empty", "large.bin", "ü ?#%&+.txt", "[red]x"}
    assert set(level.out.splitlines()) == expected
    assert deep.out.splitlines() == ["deep/er/b.txt"]
    assert one.json()[0]["size"] == (tree / "a.txt").stat().st_size
    assert stored in {one["name"] for one in buckets.json()}


async def test_trees_and_files_are_copied_moved_and_deleted(
    strongroom: Command, stored: str, client: Client
) -> None:
    copied = await strongroom.ok("cp", "-r", stored, f"{stored}/copy")
    await strongroom.ok("mv", "-r", f"{stored}/copy/", f"{stored}/moved")
    await strongroom.ok("mv", f"{stored}/moved/a.txt", f"{stored}/moved/deep/", "-m", "tidy")
    moved = [file.path async for file in client.files.list(stored, "moved/")]
    content = await client.files.get(stored, "moved/deep/a.txt")
    deleted = await strongroom.ok("rm", "-r", stored, "--yes")

    assert (copied.out, deleted.out) == ("copied 6 files\n", "deleted 12 files\n")
    assert set(moved) == {
        "moved/[red]x",
        "moved/deep/a.txt",
        "moved/deep/er/b.txt",
        "moved/empty",
        "moved/large.bin",
        "moved/ü ?#%&+.txt",
    }
    assert content == b"a.txt" * 100
    assert [file async for file in client.files.list(stored)] == []


async def test_an_old_version_can_be_seen_read_and_restored(
    strongroom: Command, bucket: str, client: Client
) -> None:
    place = f"{bucket}/notes.md"
    for content in (b"first", b"second"):
        await put(client, bucket, "notes.md", content)

    async def both() -> list[Any]:
        versions = (await strongroom.ok("log", place, "--json")).json()
        return versions if len(versions) == 2 else []

    newest, oldest = await eventually(both)
    before = await strongroom.ok("cat", place, "--version", "1")
    then = await strongroom.ok("cat", place, "--ref", oldest["commit_id"])
    restored = await strongroom.ok("restore", place, "--version", "1", "-m", "undo")
    commits = await strongroom.ok("log", bucket, "--json")

    assert (newest["version"], oldest["version"]) == (2, 1)
    assert [before.out, then.out] == ["first"] * 2
    assert await client.files.get(bucket, "notes.md") == b"first"
    assert "1 file changed" in restored.out
    assert commits.json()[0]["message"] == "undo"


async def test_a_snapshot_brings_back_what_was_deleted(
    strongroom: Command, stored: str, tree: Path
) -> None:
    taken = await strongroom.ok("snapshot", "take", stored, "--wait")
    snapshot = (await strongroom.ok("snapshot", "ls", stored, "--json")).json()[0]
    await strongroom.ok("rm", "-r", stored, "--yes")

    await strongroom.ok("snapshot", "restore", snapshot["snapshot_id"], "--wait")
    verified = await strongroom.ok("snapshot", "verify", snapshot["snapshot_id"], "--wait")
    await strongroom.ok("get", stored, "out")

    assert "6 files" in taken.out
    assert "6 of 6 files are whole" in verified.out
    assert digests(strongroom.directory / "out") == digests(tree)


async def test_what_happens_in_a_bucket_is_shown_while_it_happens(
    strongroom: Command, bucket: str, client: Client
) -> None:
    watching = await strongroom.start("watch", bucket, "--json")
    assert watching.stdout is not None
    line = asyncio.create_task(watching.stdout.readline())

    async def something_is_told() -> bool:
        await put(client, bucket, "seen.txt", b"x")
        return line.done()

    await eventually(something_is_told, timeout_s=30, pause_s=0.2)
    watching.send_signal(signal.SIGINT)
    told = json.loads(await line)

    assert told["type"] == "file.stored"
    assert told["event"]["path"] == "seen.txt"
    assert await watching.wait() == 130


async def test_a_failure_is_one_line_and_exit_code_1(strongroom: Command, bucket: str) -> None:
    expected = {
        ("cat", f"{bucket}/nothing"): "file-not-found",
        ("get", f"{bucket}/nothing"): "there is no file",
        ("ls", "no-such-bucket"): "bucket-not-found",
        ("buckets", "create", bucket): "bucket-exists",
        ("put", "no-such-file", f"{bucket}/x"): "No such file",
        ("ls", "--url", "http://127.0.0.1:9", "--key", "sr_x"): "cannot reach",
        ("ls", "--key", "sr_" + "0" * 32 + "_" + "0" * 64): "unauthorized",
    }

    ended = await asyncio.gather(*(strongroom(*words) for words in expected))

    for one, told in zip(ended, expected.values(), strict=True):
        assert one.code == 1, one
        assert told in one.err
        assert one.err.startswith("strongroom: ")
        assert one.err.count("\n") == 1


async def test_misuse_is_one_line_and_exit_code_2(strongroom: Command, bucket: str) -> None:
    misuses = (
        ("put",),
        ("nonsense",),
        ("ls", "/etc"),
        ("rm", bucket),
        ("restore", bucket),
        ("rm", "-r", bucket, "--jobs"),
        ("mv", f"{bucket}/a", "another-bucket/a"),
        ("cp", f"{bucket}/a", f"{bucket}/a"),
        ("tasks", "show", "no-uuid"),
    )

    for one in await asyncio.gather(*(strongroom(*words) for words in misuses)):
        assert one.code == 2, one
        assert one.err.count("\n") == 1


async def test_deleting_much_asks_first(strongroom: Command, bucket: str, client: Client) -> None:
    await put(client, bucket, "x", b"x")

    refused = await strongroom("rm", "-r", bucket)

    assert refused.code == 2
    assert "--yes" in refused.err
    assert await client.files.get(bucket, "x") == b"x"


async def test_a_new_key_opens_what_its_scopes_say_until_it_is_revoked(
    strongroom: Command, bucket: str, platform: Platform
) -> None:
    created = await strongroom.ok("keys", "create", "reader", "--scope", "read", "--json")
    key = created.json()[0]
    reader = Command(
        strongroom.directory, strongroom.environment | {"STRONGROOM_API_KEY": key["key"]}
    )
    await strongroom.ok("grants", "give", bucket, f"key:{key['key_id']}", "reader")

    may = await reader("ls", bucket)
    may_not = await reader("put", "-", f"{bucket}/x", stdin=b"x")
    await strongroom.ok("keys", "revoke", key["key_id"])
    gone = await reader("ls", bucket)

    assert (may.code, may_not.code, gone.code) == (0, 1, 1)
    assert "forbidden" in may_not.err
    assert "unauthorized" in gone.err


async def test_a_login_is_remembered(strongroom: Command, platform: Platform) -> None:
    fresh = {
        name: value
        for name, value in strongroom.environment.items()
        if not name.startswith("STRONGROOM_")
    }
    user = Command(strongroom.directory, fresh)
    nobody = await user("ls")

    await user.ok("login", platform.url, "--key", platform.admin_key)
    somebody = await user.ok("status")

    assert nobody.code == 1
    assert "no platform is known" in nobody.err
    assert "profile default" in somebody.out


async def test_a_list_that_nobody_reads_to_its_end_ends_quietly(
    strongroom: Command, stored: str
) -> None:
    process = await strongroom.start("ls", "-r", stored, "--json")
    assert process.stdout is not None
    process.stdout._transport.close()  # type: ignore[attr-defined]

    _, err = await process.communicate()

    assert err == b""
