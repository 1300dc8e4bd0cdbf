"""Comparing contents: what takes long is done in a thread, one at a time."""

import asyncio
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import TypeVar

from services.gateway.edge.budget import Budget

HELD_BYTES = 16 * 1024 * 1024
"""Both contents, their lines, and the answer."""

T = TypeVar("T")


class Comparing:
    """Turns for those who compare, within the budget that all transfers share.

    A comparison holds the interpreter: with more than one at a time everybody else would have less
    than half of it.
    """

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="comparing")

    @asynccontextmanager
    async def room(self) -> AsyncIterator[None]:
        """Hold what one comparison needs inside of the block; raises ``Busy``."""
        async with self._budget.hold(HELD_BYTES):
            yield

    async def run(self, work: Callable[[], T]) -> T:
        """Return what ``work()`` does, when its turn has come."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)
