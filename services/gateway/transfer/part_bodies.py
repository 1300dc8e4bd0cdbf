"""The body of a request that may break off: what came is worth keeping."""

import asyncio
from collections.abc import AsyncGenerator, Callable

from libs.contracts.problems import Problem, ServiceUnavailable
from services.gateway.domain.failures import BodyIncomplete, BodyTooLarge, TooSlow
from services.gateway.edge.asgi import Message, Receive
from services.gateway.edge.cancelling import cancel

QUIET_S = 2.0
"""A body of which nothing came for this long lets another request go on, if one wants to."""


class PartBody:
    """Yields what comes, up to ``room`` bytes, and ends where it breaks off.

    It also ends when this gateway is ``leaving``, so that another can go on with the rest, and when
    nothing comes while another request has ``wanted`` to go on.
    """

    def __init__(
        self,
        receive: Receive,
        room: int,
        *,
        wanted: Callable[[], bool],
        leaving: Callable[[], bool],
    ) -> None:
        self.broken: Problem | None = None
        """Why it ended before its end."""
        self._receive = receive
        self._room = room
        self._wanted = wanted
        self._leaving = leaving

    async def chunks(self) -> AsyncGenerator[bytes, None]:
        """Yield the body; raises ``BodyTooLarge`` before a byte too many is passed on."""
        left = self._room
        while self.broken is None and (message := await self._next()) is not None:
            chunk: bytes = message.get("body", b"")
            left -= len(chunk)
            if left < 0:
                raise BodyTooLarge(f"{self._room} bytes are wanted", most_bytes=self._room)
            if chunk:
                yield chunk
            if not message.get("more_body", False):
                return

    async def _next(self) -> Message | None:
        """Return the next message; None when none will come, or it is not waited for any more."""
        receiving = asyncio.ensure_future(self._receive())
        try:
            while not receiving.done():
                await asyncio.wait({receiving}, timeout=QUIET_S)
                if self._leaving():
                    self.broken = ServiceUnavailable("this gateway restarts", retry_after_s=1)
                elif self._wanted() and not receiving.done():
                    self.broken = BodyIncomplete("another request goes on with this upload")
                if self.broken is not None and not receiving.done():
                    return None
            return receiving.result()
        except (BodyIncomplete, TooSlow) as broken:
            self.broken = broken
            return None
        finally:
            if not receiving.done():
                await cancel([asyncio.ensure_future(receiving)])
