"""A task that is cancelled ends, even if it misses the first word."""

import asyncio

from services.gateway.edge.cancelling import cancel


async def test_a_task_that_loses_its_cancellation_is_told_again() -> None:
    told = 0

    async def stubborn() -> None:
        nonlocal told
        while told < 3:
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                told += 1

    task = asyncio.create_task(stubborn())
    await asyncio.sleep(0)
    await cancel([task])

    assert task.done()
    assert told == 3


async def test_ended_and_failed_tasks_are_nothing_to_wait_for() -> None:
    async def fail() -> None:
        raise OSError("broken")

    failed, ended = asyncio.create_task(fail()), asyncio.create_task(asyncio.sleep(0))
    await asyncio.sleep(0.01)

    await cancel([failed, ended])
    await cancel([])
