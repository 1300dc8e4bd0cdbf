"""The same work on many things, a few at a time."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

from libs.client.failures import ClientFailure

T = TypeVar("T")
Failed = tuple[T, ClientFailure | OSError]


async def each(
    things: Iterable[T], work: Callable[[T], Awaitable[None]], *, jobs: int
) -> list[Failed[T]]:
    """Do ``work`` on every one of ``things``, ``jobs`` at once; return those that failed, and why.

    One failure stops nobody else; whoever cancels this stops all.
    """
    waiting = iter(things)
    failed: list[Failed[T]] = []

    async def worker() -> None:
        for thing in waiting:
            try:
                await work(thing)
            except (ClientFailure, OSError) as failure:
                failed.append((thing, failure))

    async with asyncio.TaskGroup() as workers:
        for _ in range(jobs):
            workers.create_task(worker())
    return failed
