"""Reading the ``file`` driver's files, and walking its folders in the order of keys."""

import os
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from io import FileIO
from pathlib import Path
from stat import S_ISREG
from typing import Self

from libs.blobs.bodies import CHUNK_BYTES
from libs.blobs.contract import BlobStat
from libs.blobs.disk import DiskThreads

_STATS_AT_ONCE = 1000


class OpenBlob:
    """The chunks of an open file. Once open, it is read to its end even if it is deleted."""

    def __init__(self, path: Path, disk: DiskThreads) -> None:
        """Open the file, to be read in the threads of ``disk``; blocks, and raises ``OSError``."""
        # A FileIO rather than a bare descriptor: it closes itself if nobody ever reads.
        self._file = FileIO(path)
        self.size = os.fstat(self._file.fileno()).st_size
        self._at = 0
        self._end = self.size
        self._disk = disk

    def limit(self, start: int, end: int) -> None:
        """Read only from ``start`` to before ``end``; to be called before the first chunk."""
        self._at, self._end = start, end

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        wanted = min(CHUNK_BYTES, self._end - self._at)
        if wanted <= 0:
            raise StopAsyncIteration
        chunk = await self._disk.run(os.pread, self._file.fileno(), wanted, self._at)
        if not chunk:
            raise StopAsyncIteration
        self._at += len(chunk)
        return chunk

    async def aclose(self) -> None:
        """See ``Chunks.aclose``; closing a file that was only read does not block."""
        self._end = 0
        self._file.close()


def stat_blob(root: Path, key: str) -> BlobStat:
    """Return what the file system knows of ``key``; ``FileNotFoundError`` unless it is a file."""
    found = (root / key).stat()
    if not S_ISREG(found.st_mode):
        raise FileNotFoundError(2, "not a file", key)
    return BlobStat(key, found.st_size, datetime.fromtimestamp(found.st_mtime, UTC))


async def list_folder(
    disk: DiskThreads, root: Path, folder: str, start_after: str
) -> AsyncIterator[BlobStat]:
    """Yield the blobs below ``folder`` behind ``start_after`` in the byte order of their keys."""
    names = await disk.run(_names_of, root, folder, start_after)
    files: list[str] = []
    for name in names:
        if not name.endswith("/"):
            files.append(name)
            if len(files) < _STATS_AT_ONCE:
                continue
        for stat in await disk.run(_stats_of, root, files):
            yield stat
        files = []
        if name.endswith("/"):
            async for stat in list_folder(disk, root, name.removesuffix("/"), start_after):
                yield stat
    for stat in await disk.run(_stats_of, root, files):
        yield stat


def _names_of(root: Path, folder: str, start_after: str) -> list[str]:
    """Return the keys of the folder's files, and of its folders with a slash, that are wanted.

    The slash at the end is what sorts ``a-b`` before ``a/…``, as S3 does.
    """
    above = f"{folder}/" if folder else ""
    try:
        entries = [entry for entry in os.scandir(root / folder) if entry.name[0] != "."]
    except (FileNotFoundError, NotADirectoryError):
        return []
    names = [above + entry.name + ("/" if entry.is_dir() else "") for entry in entries]
    return sorted(name for name in names if _reaches_behind(name, start_after))


def _reaches_behind(name: str, start_after: str) -> bool:
    """Tell whether the file, or anything in the folder, can come behind ``start_after``."""
    return name > start_after or (name.endswith("/") and start_after.startswith(name))


def _stats_of(root: Path, keys: list[str]) -> list[BlobStat]:
    stats = []
    for key in keys:
        try:
            stats.append(stat_blob(root, key))
        except FileNotFoundError:
            continue  # deleted since its name was read
    return stats
