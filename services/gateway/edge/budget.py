"""The memory that all transfers share: who wants more than is left waits, in order."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from prometheus_client import Gauge

from services.gateway.domain.failures import Busy

HELD = Gauge("strongroom_transfer_memory_bytes", "Memory that transfers reserved.")
WAITING = Gauge("strongroom_transfers_waiting", "Transfers that wait for memory.")


class Budget:
    """``most_bytes`` to hold at once; reserving more waits up to ``wait_s``.

    ``when_idle`` is called, in a thread, when nothing is held any more.
    """

    def __init__(
        self, most_bytes: int, wait_s: float, when_idle: Callable[[], None] = lambda: None
    ) -> None:
        self._most = most_bytes
        self._wait_s = wait_s
        self._when_idle = when_idle
        self._held = 0
        self._waiting: deque[tuple[int, asyncio.Future[None]]] = deque()

    @property
    def is_in_demand(self) -> bool:
        """Tell whether more than a quarter is taken: then nobody should take more than needed."""
        return self._held * 4 > self._most

    @asynccontextmanager
    async def hold(self, size: int) -> AsyncIterator[None]:
        """Reserve ``size`` bytes inside the block; raises ``Busy`` when none come free in time."""
        size = min(size, self._most)
        if self._waiting or self._held + size > self._most:
            await self._wait_for(size)
        else:
            self._take(size)
        try:
            yield
        finally:
            self._take(-size)
            self._serve_waiting()
            if self._held == 0:
                asyncio.get_running_loop().run_in_executor(None, self._when_idle)

    async def _wait_for(self, size: int) -> None:
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((size, turn))
        WAITING.inc()
        try:
            async with asyncio.timeout(self._wait_s):
                await turn
        except BaseException as error:
            if turn.done() and not turn.cancelled():
                self._take(-size)
            self._waiting = deque(entry for entry in self._waiting if entry[1] is not turn)
            self._serve_waiting()
            if isinstance(error, TimeoutError):
                raise Busy("too many transfers at once", retry_after_s=5) from None
            raise
        finally:
            WAITING.dec()

    def _serve_waiting(self) -> None:
        while self._waiting and self._held + self._waiting[0][0] <= self._most:
            size, turn = self._waiting.popleft()
            if not turn.done():
                self._take(size)
                turn.set_result(None)

    def _take(self, size: int) -> None:
        self._held += size
        HELD.set(self._held)
