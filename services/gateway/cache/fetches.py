"""Whoever asks for the same thing at the same time asks once."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Fetches(Generic[K, V]):
    """Questions that are on their way, by what they ask for."""

    def __init__(self) -> None:
        self._running: dict[K, asyncio.Task[V]] = {}

    async def run(self, key: K, fetch: Callable[[], Awaitable[V]], keep: Callable[[V], None]) -> V:
        """Return what ``fetch`` answers, or what one that runs already will.

        Whoever gives up takes the answer from nobody else. It is given to ``keep`` unless it was
        forgotten meanwhile; failures are kept by nobody.
        """
        running = self._running.get(key)
        if running is None:
            running = self._running[key] = asyncio.create_task(_awaited(fetch))
            running.add_done_callback(lambda task: self._ended(key, task, keep))
        return await asyncio.shield(running)

    def forget(self, key: K) -> None:
        """Let nobody else wait for the answer that is on its way: it may be from before."""
        self._running.pop(key, None)

    def forget_where(self, goes: Callable[[K], bool]) -> None:
        """Let nobody else wait for the answers to keys for which ``goes`` is true."""
        for key in list(filter(goes, self._running)):
            self.forget(key)

    def _ended(self, key: K, task: "asyncio.Task[V]", keep: Callable[[V], None]) -> None:
        failed = task.cancelled() or task.exception() is not None
        if self._running.get(key) is not task:
            return
        del self._running[key]
        if not failed:
            keep(task.result())


async def _awaited(fetch: Callable[[], Awaitable[V]]) -> V:
    return await fetch()
