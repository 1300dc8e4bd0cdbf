"""Hearing what the platform announces, as any subscriber would."""

import asyncio
from collections.abc import Callable
from typing import Self, TypeVar

from nats.aio.msg import Msg
from nats.aio.subscription import Subscription

from libs.chassis.bus import Bus
from libs.contracts import envelope
from libs.contracts.base import Event
from libs.contracts.streams import STREAMS

E = TypeVar("E", bound=Event)


class Events:
    """Every event published since it was opened, in the order it was heard."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._subscriptions: list[Subscription] = []
        self._news = asyncio.Event()
        self.heard: list[Event] = []

    async def __aenter__(self) -> Self:
        for spec in STREAMS.values():
            for subject in spec.subjects:
                self._subscriptions.append(await self._bus.subscribe(subject, self._hear))
        await self._bus.client.flush()
        return self

    async def __aexit__(self, *failure: object) -> None:
        for subscription in self._subscriptions:
            await subscription.unsubscribe()

    def of(self, kind: type[E], where: Callable[[E], bool] = lambda _: True) -> list[E]:
        """Return what was heard of ``kind`` so far."""
        return [event for event in self.heard if isinstance(event, kind) and where(event)]

    async def until(
        self,
        kind: type[E],
        where: Callable[[E], bool] = lambda _: True,
        *,
        count: int = 1,
        timeout_s: float = 10.0,
    ) -> list[E]:
        """Wait until ``count`` such events were heard and return them."""
        async with asyncio.timeout(timeout_s):
            while len(found := self.of(kind, where)) < count:
                self._news.clear()
                await self._news.wait()
        return found

    async def _hear(self, message: Msg) -> None:
        self.heard.append(envelope.decode(message.headers, message.data))
        self._news.set()
