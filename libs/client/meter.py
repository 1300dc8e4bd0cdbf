"""How many bytes have moved, told to whoever draws the progress."""

from collections.abc import AsyncIterator, Callable

OnBytes = Callable[[int], None]
"""Told how many bytes moved since it was told last; less than nothing when a try starts anew."""


class Meter:
    """Counts the bytes of one transfer over all its tries."""

    def __init__(self, on_bytes: OnBytes | None) -> None:
        self._on_bytes = on_bytes
        self.moved = 0

    def add(self, count: int) -> None:
        """Tell that ``count`` more bytes moved."""
        self.moved += count
        if self._on_bytes is not None and count:
            self._on_bytes(count)

    def restart(self) -> None:
        """Take back what was told: the bytes will move again, or not at all."""
        self.add(-self.moved)

    async def count(self, pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """Yield ``pieces``, each counted when the next is asked for."""
        async for piece in pieces:
            yield piece
            self.add(len(piece))
