"""What a topic hears of, and how it can be asked about the past."""

from collections.abc import Callable
from typing import Any, Protocol

from msgspec import Struct

from services.gateway.domain.live import Offset, Seen


class News(Struct, frozen=True, kw_only=True):
    """Something new in a topic, and the place behind it."""

    epoch: str
    offset: Offset
    data: Any


class Snapshot(Struct, frozen=True, kw_only=True):
    """How the topic's subject is at a place."""

    epoch: str
    offset: Offset
    data: Any


Tell = Callable[[], None]
"""Called when there is something to ``take``."""


class Source(Protocol):
    """Where a topic's news comes from. One exists per topic, however many listen."""

    async def open(self, tell: Tell) -> None:
        """Begin to listen; raises the owner's problem when there is no such thing."""

    async def close(self) -> None:
        """Stop listening; may be called twice."""

    def take(self) -> News | None:
        """Return all that came since the last call as one, or None."""

    async def snapshot(self) -> Snapshot:
        """Return the present state, at the place behind what was taken last."""

    async def missed(self, since: Seen) -> list[News] | None:
        """Return what came after ``since`` up to what was taken last; None when that is unknown."""
