"""A body that can be sent a second time, as long as little of it was read."""

from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator

from libs.blobs.contract import Body


class Replayable:
    """Keeps the first ``most_bytes`` that are read of ``body``, and lets go of them above."""

    def __init__(self, body: Body, *, most_bytes: int) -> None:
        self.failure: BaseException | None = None
        """What the body itself raised, to be told apart from what a store did."""
        self._body = body
        self._most_bytes = most_bytes
        self._kept: deque[bytes] | None = deque()
        self._kept_bytes = 0
        self._rest = None if isinstance(body, bytes) else aiter(body)

    @property
    def can_replay(self) -> bool:
        """Whether the body goes on, and none of its bytes was let go of."""
        return self._rest is None or (self.failure is None and self._kept is not None)

    def first(self) -> Body:
        """Return the body for a first reader."""
        if self._rest is None:
            return self._body
        return self._keeping(self._rest)

    def again(self) -> Body:
        """Return the body from its first byte, for a second reader; only if ``can_replay``."""
        if self._rest is None:
            return self._body
        if self._kept is None:
            raise ValueError("the first bytes of this body are gone")
        return _joined(self._kept, self._rest)

    async def _keeping(self, rest: AsyncIterator[bytes]) -> AsyncGenerator[bytes, None]:
        while True:
            try:
                piece = await anext(rest)
            except StopAsyncIteration:
                return
            except BaseException as failure:
                self.failure = failure
                raise
            self._keep(piece)
            yield piece

    def _keep(self, piece: bytes) -> None:
        if self._kept is None:
            return
        self._kept_bytes += len(piece)
        if self._kept_bytes > self._most_bytes:
            self._kept = None
        else:
            self._kept.append(piece)


async def _joined(kept: deque[bytes], rest: AsyncIterator[bytes]) -> AsyncGenerator[bytes, None]:
    while kept:
        yield kept.popleft()
    async for piece in rest:
        yield piece
