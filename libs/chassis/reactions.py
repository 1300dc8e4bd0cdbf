"""Reactions to events: marked functions, each with a durable consumer under one policy.

A reaction has one or several filter subjects. Its events arrive in batches and are applied in one
transaction.
"""

import asyncio
import inspect
import logging
from collections.abc import Awaitable, Callable, Sequence
from types import ModuleType
from typing import Any, NamedTuple, TypeVar

from nats.errors import Error as NatsError

from libs.chassis.binding import bind
from libs.chassis.bus import Bus
from libs.chassis.consumer import Consumer, Reaction
from libs.chassis.database import Database
from libs.chassis.settings import ServiceSettings
from libs.contracts.base import Event

KEEP_PAUSE_S = 2.0
STREAM_PAUSE_S = 0.2

F = TypeVar("F", bound=Callable[..., Awaitable[None]])

log = logging.getLogger(__name__)


class _Mark(NamedTuple):
    consumer: str
    events: tuple[type[Event], ...]
    batch: int


def reacts(*events: type[Event], as_: str, batch: int = 200) -> Callable[[F], F]:
    """Mark a function as the reaction ``as_`` to ``events``, all of one stream.

    It gets up to ``batch`` of them in the stream's order, and must apply them in one transaction
    through the inbox: they may come again.
    """

    def mark(handler: F) -> F:
        handler.__reacts__ = _Mark(as_, events, batch)  # type: ignore[attr-defined]
        return handler

    return mark


def reactions_in(modules: Sequence[ModuleType], given: Sequence[object]) -> list[Reaction]:
    """Collect what the functions of ``modules`` marked with ``reacts`` react to."""
    return [
        _ready(function.__reacts__, bind(function, given, own=1))
        for module in modules
        for _, function in inspect.getmembers(module, inspect.isfunction)
        if hasattr(function, "__reacts__") and function.__module__ == module.__name__
    ]


def _ready(mark: _Mark, apply: Callable[[Sequence[Any]], Awaitable[None]]) -> Reaction:
    return Reaction(mark.consumer, mark.events, mark.batch, apply)


class Reacting:
    """Consumes for ``reactions`` until it is stopped; a batch that was begun is ended."""

    def __init__(
        self, bus: Bus, db: Database, settings: ServiceSettings, reactions: Sequence[Reaction]
    ) -> None:
        self._consumers = [Consumer(bus, db, settings, reaction) for reaction in reactions]

    async def start(self) -> None:
        """Begin to consume; streams whose owners are not there yet are left to ``keep``."""
        for consumer in self._consumers:
            await consumer.start()

    async def keep(self) -> None:
        """Make consumers that had no stream before, or that were lost with it; never returns."""
        while True:
            all_there = True
            for consumer in self._consumers:
                try:
                    all_there = await consumer.declare() and all_there
                except (NatsError, OSError) as error:
                    log.debug("%s cannot be declared now: %s", consumer.name, error)
            await asyncio.sleep(KEEP_PAUSE_S if all_there else STREAM_PAUSE_S)

    async def stop(self) -> None:
        """End the batches that were begun and take no more."""
        await asyncio.gather(*(consumer.stop() for consumer in self._consumers))
