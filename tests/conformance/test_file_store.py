"""The ``file`` driver: what is acknowledged is on the disk; a crash leaves only staged files."""

import asyncio
import os
import sys
import time
from asyncio.subprocess import PIPE
from pathlib import Path
from stat import S_ISDIR

import pytest

from libs.blobs import (
    BlobKeyRefused,
    DurabilityLevel,
    StoreFull,
    StoreMisconfigured,
    StoreUnavailable,
    open_store,
)
from libs.blobs.file import STAGING
from tests.conformance.bodies import MIB, in_pieces, repeated
from tests.conformance.faulty import files_at_most

KEY = "blobs/2026/11/21/0190a5b0"


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is asked of the operating system from here on, in order; everything really happens."""
    seen: list[str] = []
    fsync, rename, mkdir, unlink = os.fsync, os.replace, os.mkdir, os.unlink

    def seen_fsync(fd: int) -> None:
        fsync(fd)
        kind = "folder" if S_ISDIR(os.fstat(fd).st_mode) else "file"
        name = Path(f"/proc/self/fd/{fd}").readlink().name
        seen.append(f"fsync {kind} {name}" if kind == "folder" else "fsync file")

    def seen_replace(source: Path, target: Path) -> None:
        rename(source, target)
        seen.append(f"rename to {target.name}")

    def seen_mkdir(path: Path, mode: int = 0o777) -> None:
        mkdir(path, mode)
        seen.append(f"mkdir {path.name}")

    def seen_unlink(path: Path) -> None:
        unlink(path)
        seen.append(f"unlink {path.name}")

    monkeypatch.setattr(os, "fsync", seen_fsync)
    monkeypatch.setattr(os, "replace", seen_replace)
    monkeypatch.setattr(os, "mkdir", seen_mkdir)
    monkeypatch.setattr(os, "unlink", seen_unlink)
    return seen


@pytest.mark.parametrize("streamed", [False, True])
async def test_file_and_every_new_folder_are_synced_before_the_answer(
    tmp_path: Path, calls: list[str], streamed: bool
) -> None:
    async with open_store(f"file://{tmp_path}") as store:
        calls.clear()

        await store.put("day/one/a", in_pieces(b"xyz", 1) if streamed else b"xyz")
        first = list(calls)
        calls.clear()
        await store.put("day/one/b", b"xyz")

    root = tmp_path.name
    folders = ["mkdir day", f"fsync folder {root}", "mkdir one", "fsync folder day"]
    assert first == ["fsync file", *folders, "rename to a", "fsync folder one"]
    assert calls == ["fsync file", "rename to b", "fsync folder one"]
    assert store.durability.level is DurabilityLevel.DURABLE


async def test_a_folder_somebody_else_made_is_synced_too(tmp_path: Path, calls: list[str]) -> None:
    async with open_store(f"file://{tmp_path}") as store:
        (tmp_path / "day").mkdir()
        calls.clear()

        await store.put("day/a", b"xyz")

    assert calls == [
        "fsync file",
        f"fsync folder {tmp_path.name}",
        "rename to a",
        "fsync folder day",
    ]


async def test_new_roots_and_deletions_are_synced(tmp_path: Path, calls: list[str]) -> None:
    async with open_store(f"file://{tmp_path}/new/root") as store:
        opened = list(calls)
        await store.put("a", b"xyz")
        calls.clear()
        await store.delete("a")

    assert opened == [
        "mkdir new",
        f"fsync folder {tmp_path.name}",
        "mkdir root",
        "fsync folder new",
        f"mkdir {STAGING}",
        "fsync folder root",
    ]
    assert calls == ["unlink a", "fsync folder root"]


@pytest.mark.parametrize("failing", ["fsync", "replace"])
@pytest.mark.parametrize("streamed", [False, True])
async def test_a_disk_that_fails_in_the_middle_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: str, streamed: bool
) -> None:
    def fail(*_: object) -> None:
        raise OSError(5, "Input/output error")

    async with open_store(f"file://{tmp_path}") as store:
        await store.put("blobs/before", b"x")
        with monkeypatch.context() as broken:
            broken.setattr(os, failing, fail)
            with pytest.raises(StoreUnavailable):
                await store.put(KEY, in_pieces(bytes(3 * MIB), MIB) if streamed else b"xyz")

        assert [stat.key async for stat in store.list()] == ["blobs/before"]
        assert list((tmp_path / STAGING).iterdir()) == []
        await store.put(KEY, b"healed")


async def test_no_room_is_said_and_leaves_nothing(tmp_path: Path) -> None:
    async with open_store(f"file://{tmp_path}") as store:
        with files_at_most(2 * MIB):
            with pytest.raises(StoreFull):
                await store.put(KEY, bytes(3 * MIB))
            with pytest.raises(StoreFull):
                await store.put(KEY, repeated(bytes(MIB), 4))
            await store.put("blobs/small", b"x")

        assert [stat.key async for stat in store.list()] == ["blobs/small"]
        assert list((tmp_path / STAGING).iterdir()) == []


WRITE_FOR_EVER = """
import asyncio, sys
from libs.blobs import open_store
async def endless():
    while True:
        yield bytes(1 << 20)
        print("written", flush=True)
asyncio.run(open_store(sys.argv[1]).put("blobs/endless", endless()))
"""


async def test_a_killed_writer_leaves_a_staged_file_which_the_next_start_sweeps(
    tmp_path: Path,
) -> None:
    url = f"file://{tmp_path}"
    command = [sys.executable, "-c", WRITE_FOR_EVER, url]
    writer = await asyncio.create_subprocess_exec(*command, stdout=PIPE)
    assert writer.stdout is not None
    for _ in range(3):
        await writer.stdout.readline()
    writer.kill()
    await writer.wait()
    (staged,) = (tmp_path / STAGING).iterdir()

    async with open_store(url) as store:
        assert [stat.key async for stat in store.list()] == []
        assert staged.exists(), "it may belong to a writer that lives"
    an_hour_ago = time.time() - 3600
    os.utime(staged, (an_hour_ago, an_hour_ago))
    async with open_store(f"{url}?sweep_after_s=1800"):
        assert not staged.exists()


async def test_a_missing_disk_is_not_an_empty_store(tmp_path: Path) -> None:
    root, elsewhere = tmp_path / "disk", tmp_path / "unmounted"
    async with open_store(f"file://{root}") as store:
        await store.put(KEY, b"xyz")
        root.rename(elsewhere)
        root.mkdir()

        with pytest.raises(StoreUnavailable):
            await store.get(KEY)
        with pytest.raises(StoreUnavailable):
            await store.head(KEY)
        with pytest.raises(StoreUnavailable):
            await store.delete(KEY)
        with pytest.raises(StoreUnavailable):
            await store.put(KEY, b"abc")
        with pytest.raises(StoreUnavailable):
            _ = [stat async for stat in store.list()]
        with pytest.raises(StoreUnavailable):
            await store.check()

        root.rmdir()
        elsewhere.rename(root)
        assert await (await store.get(KEY)).read() == b"xyz"


async def test_a_folder_an_operator_removed_is_made_again(tmp_path: Path) -> None:
    async with open_store(f"file://{tmp_path}") as store:
        await store.put("day/a", b"x")
        (tmp_path / "day" / "a").unlink()
        (tmp_path / "day").rmdir()

        with pytest.raises(StoreUnavailable):
            await store.put("day/b", b"x")
        await store.put("day/b", b"x")

        assert [stat.key async for stat in store.list()] == ["day/b"]


async def test_a_blob_cannot_take_the_name_of_a_folder(tmp_path: Path) -> None:
    async with open_store(f"file://{tmp_path}") as store:
        await store.put("a/b", b"x")
        await store.put("c", b"x")

        for key in ("a", "c/d", "c/d/e"):
            with pytest.raises(BlobKeyRefused):
                await store.put(key, b"y")

        assert list((tmp_path / STAGING).iterdir()) == []


async def test_a_blob_deleted_while_it_is_read_is_read_to_its_end(tmp_path: Path) -> None:
    async with open_store(f"file://{tmp_path}") as store:
        await store.put(KEY, bytes(3 * MIB))
        body = await store.get(KEY)

        await store.delete(KEY)

        assert await body.read() == bytes(3 * MIB)


def test_a_root_that_cannot_be_made_is_said_at_once(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")

    with pytest.raises(StoreUnavailable):
        open_store(f"file://{tmp_path}/file/store")
    with pytest.raises((StoreUnavailable, StoreMisconfigured)):
        open_store("file:///proc/nothing/can/be/made/here")
