"""The services behind the gateway, as it asks them."""

from collections.abc import Awaitable, Callable
from typing import Any

from msgspec import Struct, field

from libs.chassis.bus import Bus
from libs.contracts.base import R, Reply, Request

Listener = Callable[[Request[Any], Reply | None], None]
"""Is told what was asked and what was answered; None: nothing, or a problem."""

Settler = Callable[[Request[Any], Reply | None], Awaitable[None]]
"""Is told the same and waited for."""


class Platform(Struct, frozen=True):
    """Whoever owns the answer; it has ``timeout_s`` to give it."""

    bus: Bus
    timeout_s: float
    listeners: list[Listener] = field(default_factory=list)
    """Told before whoever asked is."""
    settlers: list[Settler] = field(default_factory=list)
    """Told before the listeners are."""

    async def ask(self, request: Request[R], *, timeout_s: float | None = None) -> R:
        """Return the owner's answer; its problems pass through to the caller.

        What is known to take longer names its own ``timeout_s``.
        """
        answer: R | None = None
        try:
            answer = await self.bus.ask(request, timeout_s=timeout_s or self.timeout_s)
            return answer
        finally:
            try:
                for settle in self.settlers:
                    await settle(request, answer)
            finally:
                for listener in self.listeners:
                    listener(request, answer)
