"""Ending tasks for certain."""

import asyncio
from collections.abc import Iterable
from typing import Any

AGAIN_S = 0.05


async def cancel(tasks: Iterable["asyncio.Task[Any]"]) -> None:
    """Cancel ``tasks`` and return when all have ended, however they end.

    Once may not be enough: ``asyncio.wait_for`` of Python 3.11 loses a cancellation that meets the
    answer it waits for, and nats-py waits so for every answer.
    """
    ending = set(tasks)
    left = {task for task in ending if not task.done()}
    while left:
        for task in left:
            task.cancel()
        _, left = await asyncio.wait(left, timeout=AGAIN_S)
    for task in ending:
        if not task.cancelled():
            task.exception()  # looked at, so that nobody reports it as forgotten
