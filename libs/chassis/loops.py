"""Long-running jobs of a service: each has a name, and none ends unseen."""

import asyncio
import functools
import inspect
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, NamedTuple

import asyncpg
from nats.errors import Error as NatsError
from prometheus_client import Counter

from libs.chassis.binding import bind
from libs.contracts.problems import Problem

FAILURES = Counter("strongroom_loop_failures_total", "Rounds that failed.", ["loop"])

log = logging.getLogger(__name__)


class Loop(NamedTuple):
    """A coroutine function that runs as long as the service; parameters are bound by type."""

    name: str
    run: Callable[..., Awaitable[None]]

    def bound(self, given: Sequence[object]) -> "Loop":
        """Return the loop with its function's parameters filled from ``given``."""
        return Loop(self.name, bind(self.run, given, own=0))


def every(interval_s: float, round_: Callable[..., Awaitable[Any]]) -> Loop:
    """Call ``round_`` now and then every ``interval_s`` seconds; a failed round is logged."""
    name = round_.__name__.replace("_", "-")

    @functools.wraps(round_)
    async def run(*args: Any, **given: Any) -> None:
        while True:
            try:
                await round_(*args, **given)
            except (Problem, NatsError, asyncpg.PostgresError, OSError, TimeoutError) as error:
                FAILURES.labels(name).inc()
                log.warning("%s: %s", name, str(error) or type(error).__name__)
            await asyncio.sleep(interval_s)

    if not inspect.iscoroutinefunction(round_):
        raise TypeError(f"{name} is no coroutine function")
    return Loop(name, run)
