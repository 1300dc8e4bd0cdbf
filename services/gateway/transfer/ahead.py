"""Reading ahead: the next pieces come while the last one is still being taken."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing

from services.gateway.edge.cancelling import cancel


async def read_ahead(
    pieces: AsyncGenerator[bytes, None], most: Callable[[], int]
) -> AsyncGenerator[bytes, None]:
    """Yield ``pieces`` in their order, fetching up to ``most()`` of them before they are asked for.

    What ``pieces`` raises comes out after the pieces before it. Whoever stops early closes this
    generator (``aclosing``), and with it ``pieces``.
    """
    waiting: deque[bytes] = deque()
    came, taken = asyncio.Event(), asyncio.Event()

    async def fetch() -> None:
        async with aclosing(pieces):
            async for piece in pieces:
                while len(waiting) >= most():
                    taken.clear()
                    await taken.wait()
                waiting.append(piece)
                came.set()

    fetching = asyncio.create_task(fetch())
    fetching.add_done_callback(lambda _: came.set())
    try:
        while True:
            while not waiting and not fetching.done():
                came.clear()
                await came.wait()
            if not waiting:
                break
            taken.set()
            yield waiting.popleft()
        fetching.result()
    finally:
        await cancel([fetching])
