"""Files that survive a power loss: blocking system calls, to be run in threads.

The order is the point: bytes, fsync of the file, rename into place, fsync of the folder. A folder
that is new is itself an entry that has to be fsynced, in the folder above it.
"""

import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from threading import Lock

_MOST_BUFFERS = 512  # well below IOV_MAX


def make_root(root: Path) -> None:
    """Make ``root`` and what is missing above it, durably."""
    missing = [folder for folder in (root, *root.parents) if not folder.exists()]
    for folder in reversed(missing):
        folder.mkdir(mode=0o700, exist_ok=True)
        fsync_folder(folder.parent)


class DurableFolders:
    """Makes the folders below ``root`` so that nothing acknowledged in them gets lost with them.

    That a folder exists proves nothing: whoever made it may not have fsynced its entry yet. So
    each process does so once itself for every folder it writes to. The root is never made here:
    when it goes, a disk was unmounted.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._lock = Lock()
        self._known = {root}

    def ensure(self, folder: Path) -> None:
        """Make ``folder`` and those above it up to the root; their entries are durable then."""
        with self._lock:
            if folder in self._known:
                return
        self.ensure(folder.parent)
        folder.mkdir(mode=0o700, exist_ok=True)
        fsync_folder(folder.parent)
        with self._lock:
            self._known.add(folder)

    def forget(self) -> None:
        """Know nothing any more; for when a folder turned out to be gone."""
        with self._lock:
            self._known = {self._root}


class StagedFile:
    """A file that grows in the staging folder, then appears whole under its name, or never."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._fd = -1

    def create(self) -> None:
        """Make the empty file, for its owner only."""
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        self._fd = os.open(self._path, flags, 0o600)

    def write(self, pieces: Sequence[bytes]) -> None:
        """Append ``pieces`` without joining them first."""
        waiting = [memoryview(piece) for piece in pieces]
        while waiting:
            waiting = _without(waiting, os.writev(self._fd, waiting[:_MOST_BUFFERS]))

    def publish(self, target: Path, folders: DurableFolders) -> bool:
        """Make everything durable and visible as ``target``, replacing what is there."""
        self._finish(target, folders)
        self._path.replace(target)
        fsync_folder(target.parent)
        return True

    def publish_new(self, target: Path, folders: DurableFolders) -> bool:
        """Do as ``publish``, unless there is such a file already: then return False.

        A link fails where a name is taken, which a rename does not; both names are one file until
        the staged one goes.
        """
        self._finish(target, folders)
        try:
            target.hardlink_to(self._path)
        except FileExistsError:
            if target.is_dir():
                raise
            self.discard()
            return False
        self._path.unlink()
        fsync_folder(target.parent)
        return True

    def discard(self) -> None:
        """Remove what was staged, if anything; does nothing after ``publish``."""
        self._close()
        self._path.unlink(missing_ok=True)

    def _finish(self, target: Path, folders: DurableFolders) -> None:
        os.fsync(self._fd)
        self._close()
        folders.ensure(target.parent)

    def _close(self) -> None:
        if self._fd >= 0:
            fd, self._fd = self._fd, -1
            os.close(fd)


def _without(buffers: list[memoryview], written: int) -> list[memoryview]:
    """Return what is left of ``buffers`` after the first ``written`` bytes."""
    for index, buffer in enumerate(buffers):
        if written < len(buffer):
            return [buffer[written:], *buffers[index + 1 :]]
        written -= len(buffer)
    return []


def fsync_folder(folder: Path) -> None:
    """Put the folder's entries on the disk: names that appeared, changed or went."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def remove(path: Path) -> None:
    """Remove the file durably; a file that is not there (or is a folder) is removed already."""
    with suppress(FileNotFoundError, NotADirectoryError, IsADirectoryError):
        path.unlink()
        fsync_folder(path.parent)


def sweep(folder: Path, *, older_than: float) -> None:
    """Remove files that were last written before ``older_than`` (Unix time)."""
    for entry in os.scandir(folder):
        # Another process may sweep, publish or discard the same file at this moment.
        with suppress(FileNotFoundError):
            if entry.stat().st_mtime < older_than:
                Path(entry.path).unlink()
