"""The demonstration, step by step. Nothing is believed: digests are computed on this side."""

import asyncio
import hashlib
import secrets
from collections.abc import Awaitable, Callable, Sequence
from contextlib import aclosing
from typing import TypeVar
from uuid import UUID

from libs.client.cli.bars import CountBar, TransferBar
from libs.client.cli.history import print_versions
from libs.client.cli.output import counted, human_size, say, tell
from libs.client.cli.tasks import follow
from libs.client.client import Client
from libs.client.demo.figures import Figures
from libs.client.failures import ApiProblem, ClientFailure
from libs.client.parallel import each
from libs.client.trees import LocalFile, Tree
from libs.contracts.versioning import VersionInfo

T = TypeVar("T")
TARGET = "local"
CHANGED_FILES = 3
CHANGEABLE_BYTES = 1 << 20
HISTORY_S = 30.0
"""History follows within milliseconds; after so long something is wrong."""


class NotProven(ClientFailure):
    """Something did not come back as it was."""


class Story:
    """One run of the demonstration, in a bucket of its own."""

    def __init__(self, client: Client, tree: Tree, *, jobs: int) -> None:
        self.bucket = f"demo-{secrets.token_hex(4)}"
        self._client = client
        self._tree = tree
        self._jobs = jobs
        self._figures = Figures()
        self._sha256: dict[str, str] = {}
        """By path: what must come back, computed while it was sent."""
        self._size: dict[str, int] = {}

    async def tell(self) -> bool:
        """Go through every step; return whether everything came back equal."""
        await self._client.buckets.create(self.bucket)
        say(f"bucket {self.bucket}")
        await self._upload()
        await self._change()
        snapshot_id = await self._take_snapshot()
        await self._delete()
        with self._figures.step("restored from the snapshot") as step:
            task = await self._client.snapshots.restore(snapshot_id)
            await follow(self._client, task)
            step.files, step.bytes = len(self._sha256), sum(self._size.values())
        return await self._prove()

    async def clean_up(self) -> None:
        """Remove the bucket; a demonstration leaves nothing but its snapshot."""
        try:
            task = await self._client.buckets.delete_with_files(self.bucket)
            await self._client.tasks.wait(task)
        except ClientFailure as failure:
            tell(f"the bucket {self.bucket} is still there: {failure}", style="yellow")

    def print_figures(self) -> None:
        """Print what every step took."""
        say("")
        self._figures.print()

    async def _upload(self) -> None:
        tree = self._tree
        with (
            self._figures.step("uploaded") as step,
            TransferBar("upload", files=len(tree.files), size=tree.size) as bar,
        ):

            async def upload(file: LocalFile) -> None:
                stored = await self._client.files.put(
                    self.bucket, file.name, file.path, on_bytes=bar.on_bytes
                )
                self._expect(file.name, stored.sha256, stored.size)
                bar.done()

            failed = await each(tree.files, upload, jobs=self._jobs)
            step.files, step.bytes = bar.files, bar.bytes
        _raise_first([(file.name, why) for file, why in failed])
        say(bar.summary("uploaded"))

    async def _change(self) -> None:
        """Overwrite a few files, and read both versions of each."""
        chosen = [file for file in self._tree.files if 0 < file.size <= CHANGEABLE_BYTES]
        paths = [file.name for file in chosen[:: max(1, len(chosen) // CHANGED_FILES)]]
        with self._figures.step("changed, both versions read") as step:
            for path in paths[:CHANGED_FILES]:
                before = self._sha256[path]
                content = await self._client.files.get(self.bucket, path)
                changed = await self._client.files.put(
                    self.bucket, path, content + b"\nchanged by the demonstration\n"
                )
                self._expect(path, changed.sha256, changed.size)
                versions = await self._versions(path, before, changed.sha256)
                step.files += 1
                say("")
                say(f"versions of {path}")
                print_versions(versions)

    async def _versions(self, path: str, before: str, after: str) -> list[VersionInfo]:
        """Return a file's two versions, each read back and compared."""

        async def both() -> list[VersionInfo]:
            found = self._client.versions.of(self.bucket, path)
            try:
                versions = [version async for version in found]
            except ApiProblem as problem:
                if problem.code != "file-not-found":
                    raise
                return []  # not even the first version is recorded yet
            return versions if len(versions) == 2 else []

        newest, oldest = versions = await _eventually(both, f"the versions of {path}")
        for version, expected in ((newest, after), (oldest, before)):
            content = self._client.files.get(self.bucket, path, version=version.version)
            if hashlib.sha256(await content).hexdigest() != expected:
                raise NotProven(f"version {version.version} of {path} is not what was stored")
        return versions

    async def _take_snapshot(self) -> UUID:
        with self._figures.step("snapshot taken") as step:
            accepted = await self._client.snapshots.take(self.bucket, target=TARGET)
            say("")
            say(f"snapshot {accepted.snapshot_id}")
            await follow(self._client, accepted)
            snapshot = await self._client.snapshots.get(accepted.snapshot_id)
            step.files, step.bytes = snapshot.files, snapshot.bytes
        new = human_size(snapshot.copied_bytes)
        say(f"{counted(snapshot.files, 'file')}, {human_size(snapshot.bytes)}, {new} new to it")
        return snapshot.snapshot_id

    async def _delete(self) -> None:
        paths = list(self._sha256)
        with self._figures.step("deleted") as step, CountBar("delete", files=len(paths)) as bar:
            step.files = await self._client.files.delete_many(
                self.bucket, paths, message="lost by the demonstration", on_batch=bar.on_batch
            )
        async for file in self._client.files.list(self.bucket, limit=1):
            raise NotProven(f"{file.path} is still there")
        say(f"deleted {counted(step.files, 'file')}; the bucket is empty")

    async def _prove(self) -> bool:
        """Read every file back and compare its digest with the one from the beginning."""
        wrong: list[str] = []
        size = sum(self._size.values())
        with (
            self._figures.step("read back, every sha256 compared") as step,
            TransferBar("compare", files=len(self._sha256), size=size) as bar,
        ):

            async def compare(path: str) -> None:
                digest = hashlib.sha256()
                async with aclosing(self._client.files.read(self.bucket, path)) as pieces:
                    async for piece in pieces:
                        digest.update(piece)
                        bar.on_bytes(len(piece))
                if digest.hexdigest() != self._sha256[path]:
                    wrong.append(path)
                bar.done()

            failed = await each(list(self._sha256), compare, jobs=self._jobs)
            step.files, step.bytes = bar.files, bar.bytes
        listed = {file.path async for file in self._client.files.list(self.bucket)}
        wrong += [path for path, _ in failed] + sorted(listed - self._sha256.keys())
        for path in wrong:
            tell(f"not as it was: {path}", style="red")
        equal = counted(len(self._sha256) - len(wrong), "file")
        say(f"proven: {equal} of {len(self._sha256):,} came back, every sha256 equal")
        return not wrong

    def _expect(self, path: str, sha256: str, size: int) -> None:
        self._sha256[path] = sha256
        self._size[path] = size


async def _eventually(look: Callable[[], Awaitable[T]], what: str) -> T:
    """Return what ``look`` finds as soon as it finds something; raises ``NotProven``."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + HISTORY_S
    while True:
        found = await look()
        if found:
            return found
        if loop.time() > deadline:
            raise NotProven(f"{what} did not appear in {HISTORY_S:g} s")
        await asyncio.sleep(0.05)


def _raise_first(failed: Sequence[tuple[str, Exception]]) -> None:
    for name, why in failed:
        raise NotProven(f"{name}: {why} ({counted(len(failed), 'failure')})")
