"""The services behind the gateway, as it asks them."""

from msgspec import Struct

from libs.chassis.bus import Bus
from libs.contracts.base import R, Request


class Platform(Struct, frozen=True):
    """Whoever owns the answer; it has ``timeout_s`` to give it."""

    bus: Bus
    timeout_s: float

    async def ask(self, request: Request[R], *, timeout_s: float | None = None) -> R:
        """Return the owner's answer; its problems pass through to the caller.

        What is known to take longer names its own ``timeout_s``.
        """
        return await self.bus.ask(request, timeout_s=timeout_s or self.timeout_s)
