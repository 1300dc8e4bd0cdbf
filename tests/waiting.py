"""Waiting for what must become true: never a plain sleep."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")


async def eventually(
    look: Callable[[], Awaitable[T | None]], *, timeout_s: float = 10.0, pause_s: float = 0.02
) -> T:
    """Call ``look`` until it returns something true and raises no AssertionError; return that."""
    deadline = asyncio.get_running_loop().time() + timeout_s
    while True:
        try:
            seen = await look()
        except AssertionError:
            if asyncio.get_running_loop().time() > deadline:
                raise
        else:
            if seen:
                return seen
            if asyncio.get_running_loop().time() > deadline:
                raise AssertionError(f"it did not become true in {timeout_s:g} s, last: {seen!r}")
        await asyncio.sleep(pause_s)
