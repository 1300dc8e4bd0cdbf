"""Blocking disk calls in threads of our own, with their failures named."""

import asyncio
import errno
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import ParamSpec, TypeVar

from libs.blobs.failures import (
    BlobFailure,
    BlobKeyRefused,
    BlobNotFound,
    StoreFull,
    StoreMisconfigured,
    StoreUnavailable,
)

P = ParamSpec("P")
R = TypeVar("R")

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_REFUSED = {errno.EACCES, errno.EPERM, errno.EROFS}
_ABSENT = {errno.ENOENT, errno.ENOTDIR, errno.EISDIR}
_NAME_TAKEN = {errno.ENOTDIR, errno.EISDIR, errno.EEXIST, errno.ENOTEMPTY}


class DiskThreads:
    """Threads that only wait for one disk, so that waiting never takes a thread from hashing."""

    def __init__(
        self, label: str, threads: int, *, landmark: Path, when_gone: Callable[[], None]
    ) -> None:
        self._label = label
        self._landmark = landmark
        self._when_gone = when_gone
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="blobs")

    async def read(self, key: str, job: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Run ``job``, which looks for the file of ``key``: not finding it is ``BlobNotFound``."""
        with self.failures():
            try:
                return await self._run(job, *args, **kwargs)
            except OSError as error:
                if error.errno in _ABSENT:
                    await self._run(self._landmark.stat)
                    raise BlobNotFound(key) from error
                raise

    async def write(self, key: str, job: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Run ``job``, which makes the file of ``key``; a folder in its way refuses the key."""
        with self.failures():
            try:
                return await self._run(job, *args, **kwargs)
            except OSError as error:
                if error.errno in _NAME_TAKEN:
                    raise BlobKeyRefused(key, "a folder and a blob cannot share a name") from error
                raise

    async def run(self, job: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Run ``job`` in a thread; a cancelled caller still waits until the job is over.

        So nobody closes a file under a thread that writes to it.
        """
        with self.failures():
            return await self._run(job, *args, **kwargs)

    async def look(self) -> None:
        """Raise ``StoreUnavailable`` when not even the landmark is there.

        An empty mount point must be told from an empty store, or all blobs seem to be deleted.
        """
        await self.run(self._landmark.stat)

    async def _run(self, job: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        future = asyncio.wrap_future(self._threads.submit(job, *args, **kwargs))
        try:
            return await asyncio.shield(future)
        except asyncio.CancelledError:
            await asyncio.wait({future})
            raise

    @contextmanager
    def failures(self) -> Iterator[None]:
        """Name every ``OSError`` that comes out of the block."""
        try:
            yield
        except OSError as error:
            if error.errno == errno.ENOENT:
                self._when_gone()
            raise self._named(error) from error

    def _named(self, error: OSError) -> BlobFailure:
        reason = error.strerror or str(error)
        if error.errno in _FULL:
            return StoreFull(self._label, reason)
        if error.errno in _REFUSED:
            return StoreMisconfigured(self._label, reason)
        return StoreUnavailable(self._label, reason)

    def close(self) -> None:
        """Wait for running jobs and end the threads; may be called twice."""
        self._threads.shutdown(wait=True)
