"""What moved between two trees, remembered: whoever reads a long diff asks for page after page."""

from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from typing import NamedTuple

from services.versioning.domain.tree import NodeId

MOST_KNOWN = 8
"""Comparisons; one in which thousands of files moved takes a few megabytes."""

Moves = Mapping[str, str]
"""Where files went, and from where each came."""


class Compared(NamedTuple):
    """Two trees, below a prefix; as they never change, neither does what differs."""

    before: NodeId
    after: NodeId
    prefix: str


class KnownMoves:
    """The comparisons asked for last; the least recently used one goes first."""

    def __init__(self) -> None:
        self._known: OrderedDict[Compared, Moves | None] = OrderedDict()

    async def find(
        self, compared: Compared, look: Callable[[], Awaitable[Moves | None]]
    ) -> Moves | None:
        """Return what moved, as ``look`` finds out if it is not known."""
        if compared in self._known:
            self._known.move_to_end(compared)
            return self._known[compared]
        moves = self._known[compared] = await look()
        while len(self._known) > MOST_KNOWN:
            self._known.popitem(last=False)
        return moves
