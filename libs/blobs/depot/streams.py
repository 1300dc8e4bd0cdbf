"""A body on its way in: counted, looked at, and given on whole."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Self


class Counted:
    """Pieces that are counted as they go by."""

    def __init__(self, pieces: AsyncGenerator[bytes, None]) -> None:
        self.size = 0
        self._pieces = pieces

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        piece = await anext(self._pieces)
        self.size += len(piece)
        return piece

    async def aclose(self) -> None:
        """Take no more of the body."""
        await self._pieces.aclose()

    async def first(self, most: int) -> tuple[list[bytes], bool]:
        """Return the pieces up to the one that exceeds ``most`` bytes, and whether they are all."""
        begun: list[bytes] = []
        async for piece in self:
            begun.append(piece)
            if self.size > most:
                return begun, False
        return begun, True

    async def rest_behind(self, begun: list[bytes]) -> AsyncGenerator[bytes, None]:
        """Yield ``begun``, letting go of each piece, then what has not been taken yet."""
        begun.reverse()
        async with aclosing(self):
            while begun:
                yield begun.pop()
            async for piece in self:
                yield piece
