"""Where work on bytes is done: small pieces here and now, large ones in a thread."""

import asyncio
from collections.abc import Callable
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

INLINE_BYTES = 256 * 1024
"""Less than this is done sooner than a thread is woken up. zstd and AES let the others run."""


async def computed(size: int, work: Callable[P, T], /, *arguments: P.args, **named: P.kwargs) -> T:
    """Return what ``work`` makes of ``size`` bytes, without holding the loop up for long."""
    if size < INLINE_BYTES:
        return work(*arguments, **named)
    loop = asyncio.get_running_loop()
    return await loop.run_in_executor(None, lambda: work(*arguments, **named))
