"""Blobs as files of a local disk, durable when acknowledged.

A key is a path below the root. ``.staging`` in the root (no key begins with a dot) holds what is
being written; it is the only place where a crash leaves anything, and is swept when opened.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Annotated, Self
from uuid import uuid4

from msgspec import Meta, Struct

from libs.blobs.bodies import CHUNK_BYTES, check_range, check_size, clip_range, pieces_of
from libs.blobs.contract import (
    BlobBody,
    BlobStat,
    Body,
    Durability,
    DurabilityLevel,
    SignedMethod,
)
from libs.blobs.disk import DiskThreads
from libs.blobs.durable_files import DurableFolders, StagedFile, make_root, remove, sweep
from libs.blobs.failures import BlobExists
from libs.blobs.file_reading import OpenBlob, list_folder, stat_blob
from libs.blobs.keys import check_key, check_prefix

STAGING = ".staging"


class FileOptions(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the blobs are, and how the disk is treated."""

    root: Path
    threads: Annotated[int, Meta(ge=1)] = 16
    """Blocking calls at once. More than there are cores: files that sync together sync faster."""
    sweep_after_s: Annotated[float, Meta(gt=0)] = 24 * 3600.0
    """Staged files nobody wrote to for so long are removed; no upload may pause longer."""


class FileStore:
    """A blob store in a folder of a local file system; several processes may share it."""

    put_headers: Mapping[str, str] = MappingProxyType({})

    def __init__(self, options: FileOptions) -> None:
        """Make the root if needed and sweep its staging folder.

        Blocks for a few file operations, and raises what any method may raise.
        """
        self.root = options.root.absolute()
        self.label = f"file://{self.root}"
        self.durability = Durability(
            DurabilityLevel.DURABLE, "file and folder are on the disk (fsync) before the answer"
        )
        self._staging = self.root / STAGING
        self._folders = DurableFolders(self.root)
        self._disk = DiskThreads(
            self.label, options.threads, landmark=self._staging, when_gone=self._folders.forget
        )
        with self._disk.failures():
            make_root(self.root)
            self._folders.ensure(self._staging)
            sweep(self._staging, older_than=time.time() - options.sweep_after_s)

    async def put(
        self, key: str, body: Body, *, size: int | None = None, if_absent: bool = False
    ) -> int:
        """See ``BlobStore.put``."""
        target = self.root / check_key(key)
        if isinstance(body, bytes):
            check_size(key, len(body), size)
            appeared = await self._disk.write(key, self._store, body, target, if_absent)
            if not appeared:
                raise BlobExists(key)
            return len(body)
        staged = self._staged()
        try:
            await self._disk.run(staged.create)
            stored = await self._fill(staged, pieces_of(key, body, size))
            publish = staged.publish_new if if_absent else staged.publish
            if not await self._disk.write(key, publish, target, self._folders):
                raise BlobExists(key)
        except BaseException:
            # Also when cancelled: no thread works on the file any more, see ``DiskThreads.run``.
            await self._disk.run(staged.discard)
            raise
        return stored

    async def get(self, key: str, *, start: int = 0, end: int | None = None) -> BlobBody:
        """See ``BlobStore.get``."""
        path = self.root / check_key(key)
        check_range(key, start, end)
        blob = await self._disk.read(key, OpenBlob, path, self._disk)
        try:
            stop = clip_range(key, start, end, blob.size)
        except BaseException:
            await blob.aclose()
            raise
        blob.limit(start, stop)
        return BlobBody(key, blob, size=blob.size, start=start, end=stop)

    async def head(self, key: str) -> BlobStat:
        """See ``BlobStore.head``."""
        return await self._disk.read(key, stat_blob, self.root, check_key(key))

    async def delete(self, key: str) -> None:
        """See ``BlobStore.delete``."""
        path = self.root / check_key(key)
        await self._disk.look()
        await self._disk.run(remove, path)

    async def list(
        self, prefix: str = "", *, start_after: str | None = None
    ) -> AsyncIterator[BlobStat]:
        """See ``BlobStore.list``; the names of one folder at a time are held in memory."""
        folder = check_prefix(prefix)
        await self._disk.look()
        async for stat in list_folder(self._disk, self.root, folder, start_after or ""):
            yield stat

    async def sign(self, method: SignedMethod, key: str, expires_s: int) -> str | None:
        """See ``BlobStore.sign``; a disk answers nobody."""
        return None

    async def check(self) -> None:
        """See ``BlobStore.check``: a file can be made in the staging folder and removed again."""
        staged = self._staged()
        try:
            await self._disk.run(staged.create)
        finally:
            await self._disk.run(staged.discard)

    async def close(self) -> None:
        """See ``BlobStore.close``."""
        await asyncio.to_thread(self._disk.close)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        await self.close()

    def _staged(self) -> StagedFile:
        return StagedFile(self._staging / uuid4().hex)

    def _store(self, body: bytes, target: Path, if_absent: bool) -> bool:
        """Do all of a small ``put`` in one thread: changing threads costs more than writing."""
        staged = self._staged()
        try:
            staged.create()
            staged.write([body])
            publish = staged.publish_new if if_absent else staged.publish
            return publish(target, self._folders)
        except BaseException:
            staged.discard()
            raise

    async def _fill(self, staged: StagedFile, pieces: AsyncIterator[bytes]) -> int:
        """Write ``pieces`` by the megabyte and return how many bytes they were."""
        stored = gathered_bytes = 0
        gathered: list[bytes] = []
        async for piece in pieces:
            gathered.append(piece)
            gathered_bytes += len(piece)
            if gathered_bytes >= CHUNK_BYTES:
                await self._disk.run(staged.write, gathered)
                stored += gathered_bytes
                gathered, gathered_bytes = [], 0
        await self._disk.run(staged.write, gathered)
        return stored + gathered_bytes
