"""Comparing contents: what takes long is done in a thread, one at a time."""

import asyncio
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import TypeVar

from services.gateway.domain.failures import Busy
from services.gateway.edge.budget import Budget

HELD_BYTES = 16 * 1024 * 1024
"""Both contents, their lines, and the answer."""

AT_ONCE = 2
"""One is compared while the contents of the next are read; all others wait and hold nothing."""

T = TypeVar("T")


class Comparing:
    """Turns for those who compare, within the budget that all transfers share.

    A comparison holds the interpreter: with more than one at a time everybody else would have less
    than half of it. Who has not come into the room after ``wait_s`` is refused with ``Busy``.
    """

    def __init__(self, budget: Budget, wait_s: float) -> None:
        self._budget = budget
        self._wait_s = wait_s
        self._places = asyncio.Semaphore(AT_ONCE)
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="comparing")

    @asynccontextmanager
    async def room(self) -> AsyncIterator[None]:
        """Hold what one comparison needs inside of the block."""
        try:
            async with asyncio.timeout(self._wait_s):
                await self._places.acquire()
        except TimeoutError:
            raise Busy("too many texts are being compared", retry_after_s=2) from None
        try:
            async with self._budget.hold(HELD_BYTES):
                yield
        finally:
            self._places.release()

    async def run(self, work: Callable[[], T]) -> T:
        """Return what ``work()`` does, when its turn has come."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)
