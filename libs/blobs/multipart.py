"""A streamed upload in parts, which ends: with an object, or with an abort."""

import asyncio
from collections.abc import AsyncIterator
from time import monotonic

import obstore

from libs.blobs.bucket_client import BucketClient
from libs.blobs.bucket_failures import failures
from libs.blobs.failures import StoreUnavailable

_LOOK_EVERY_S = 0.5
_ABORT_GRACE_S = 1.0


class MultipartUploads:
    """Uploads in parts, ``in_flight`` of each at once; parts are not copied in Python.

    obstore aborts an upload only when its input raises; cancelling the task that awaits it would
    leave the parts behind. So an upload is a task of its own which is never cancelled: its feed
    raises instead, and the abort may go on after we gave up waiting for it.
    """

    def __init__(self, label: str, *, in_flight: int, stall_s: float) -> None:
        self._label = label
        self._in_flight = in_flight
        self._stall_s = stall_s
        self._running: set[asyncio.Task[None]] = set()

    async def run(
        self, store: BucketClient, key: str, pieces: AsyncIterator[bytes], *, part_bytes: int
    ) -> int:
        """Upload ``pieces`` and return how many bytes they were; raises what they raise."""
        feed = _Feed(pieces)
        upload = asyncio.create_task(self._start(store, key, feed, part_bytes))
        self._running.add(upload)
        upload.add_done_callback(self._ended)
        try:
            await self._watch(upload, feed)
        except BaseException:
            feed.stop()
            await asyncio.wait({upload}, timeout=_ABORT_GRACE_S)
            if isinstance(feed.failure, Exception):
                raise feed.failure from None
            raise
        return feed.sent

    async def _start(self, store: BucketClient, key: str, feed: "_Feed", part_bytes: int) -> None:
        with failures(self._label, key, writing=True):
            await obstore.put_async(
                store, key, feed, chunk_size=part_bytes, max_concurrency=self._in_flight
            )

    async def _watch(self, upload: "asyncio.Task[None]", feed: "_Feed") -> None:
        """Wait for the upload, or notice that the store takes nothing any more.

        Each request has its own timeout, but a part that failed is followed by an abort to the same
        silent server, which would double the time until the caller hears of it.
        """
        while not upload.done():
            await asyncio.wait({upload}, timeout=_LOOK_EVERY_S)
            if not upload.done() and feed.held_up_s() > self._stall_s:
                raise StoreUnavailable(self._label, "takes no more of the upload")
        upload.result()

    def _ended(self, upload: "asyncio.Task[None]") -> None:
        self._running.discard(upload)
        if not upload.cancelled():
            upload.exception()  # fetched, so that an abort nobody waits for is not reported

    async def close(self) -> None:
        """Let the uploads that were given up be aborted, but not for long: a server may be gone."""
        if self._running:
            await asyncio.wait(self._running, timeout=_ABORT_GRACE_S)


class _Feed:
    """The body as obstore pulls it."""

    def __init__(self, pieces: AsyncIterator[bytes]) -> None:
        self.sent = 0
        self.failure: BaseException | None = None
        """What the body itself raised, to be told apart from what the store did."""
        self._pieces = pieces
        self._stopped = False
        self._pull: asyncio.Task[object] | None = None
        self._waiting_since: float | None = monotonic()

    def __aiter__(self) -> "_Feed":
        return self

    async def __anext__(self) -> bytes:
        if self._stopped:
            raise InterruptedError("the upload was given up")
        self._pull, self._waiting_since = asyncio.current_task(), None
        try:
            piece = await anext(self._pieces)
        except StopAsyncIteration:
            raise
        except BaseException as error:
            self.failure = error
            raise
        finally:
            self._pull = None
        self._waiting_since = monotonic()
        self.sent += len(piece)
        return piece

    def held_up_s(self) -> float:
        """Return for how long the store has not asked for more; zero once it has all."""
        return 0.0 if self._waiting_since is None else monotonic() - self._waiting_since

    def stop(self) -> None:
        """Raise in obstore's hands at the next piece, or now if one is being waited for."""
        self._stopped = True
        if self._pull is not None:
            self._pull.cancel()
