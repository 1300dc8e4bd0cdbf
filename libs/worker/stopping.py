"""Ending what runs in the background."""

import asyncio
from typing import Any

AGAIN_S = 0.5


async def stopped(task: "asyncio.Task[Any]") -> None:
    """Cancel ``task`` until it ends.

    Once is not enough: on Python 3.11 ``asyncio.wait_for`` swallows a cancellation that arrives
    together with what it waits for, and nats-py waits with it.
    """
    while not task.done():
        task.cancel()
        await asyncio.wait({task}, timeout=AGAIN_S)
