"""Keys that objects may be written to, promised by storage before they are needed."""

import asyncio
import logging
from collections import deque
from datetime import UTC, datetime, timedelta

from libs.contracts.problems import Problem, ServiceUnavailable
from libs.contracts.storage import BreakPromises, PromiseKeys
from services.gateway.edge.platform import Platform

KEYS_AT_ONCE = 64
FEW_KEYS = 16
KEY_MARGIN = timedelta(minutes=5)
"""A key is not used when so little is left of its promise."""

PAUSES_S = (0.0, 1.0, 5.0, 30.0)
"""When storage is told of keys that were given up; after that the promise runs out by itself."""

log = logging.getLogger(__name__)


class PromisedKeys:
    """A few keys in advance, so that an upload asks storage once and not twice."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._keys: deque[tuple[str, datetime]] = deque()
        self._asking = asyncio.Lock()
        self._refilling: asyncio.Task[None] | None = None
        self._breaking: set[asyncio.Task[None]] = set()

    async def take(self) -> str:
        """Return a key that nobody else has; asks for more before the last one is gone."""
        while not (key := self._next()):
            async with self._asking:
                if not self._keys:
                    await self._ask()
        if len(self._keys) < FEW_KEYS and self._refilling is None:
            self._refilling = asyncio.create_task(self._refill())
        return key

    def _next(self) -> str | None:
        while self._keys:
            key, expires_at = self._keys.popleft()
            if expires_at - datetime.now(UTC) > KEY_MARGIN:
                return key
        return None

    async def _refill(self) -> None:
        try:
            await self._ask()
        except ServiceUnavailable as problem:
            log.info("no keys in advance: %s", problem)
        finally:
            self._refilling = None

    async def _ask(self) -> None:
        promised = await self._platform.ask(PromiseKeys(count=KEYS_AT_ONCE))
        self._keys.extend((key, promised.expires_at) for key in promised.keys)

    def give_up(self, key: str) -> None:
        """Have what may lie at ``key`` deleted, unless it was committed: in the background."""
        task = asyncio.create_task(self._break(key))
        self._breaking.add(task)
        task.add_done_callback(self._breaking.discard)

    async def _break(self, key: str) -> None:
        for pause_s in PAUSES_S:
            await asyncio.sleep(pause_s)
            try:
                await self._platform.ask(BreakPromises(keys=[key]))
            except Problem as problem:
                log.info("%s is not given up yet: %s", key, problem)
            else:
                return
