"""A continuous pull from a durable consumer: what has arrived is handed over at once.

nats-py's ``fetch`` waits until its batch is full or its time is over, and on Python 3.11 a message
that arrives in the moment of the time-out is lost until the server's ack wait (docs/adr/0002).
Here one request is always open, messages gather while a batch is worked on, and nothing is timed.
Protocol: NATS ADR-13 (pull subscribe internals).
"""

import asyncio
from collections import deque
from contextlib import suppress

import msgspec
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.errors import Error as NatsError

REQUEST_EXPIRES_S = 10.0
SILENT_AFTER_S = REQUEST_EXPIRES_S + 2.0
"""A request that is not even ended by the server by now was lost with it: ask again."""


class Pull:
    """Messages of one durable, in order. One task takes; start and stop are called once."""

    def __init__(self, client: Client, stream: str, durable: str, *, batch: int) -> None:
        self._client = client
        self._subject = f"$JS.API.CONSUMER.MSG.NEXT.{stream}.{durable}"
        self._batch = batch
        self._inbox = client.new_inbox()
        self._subscription: Subscription | None = None
        self.arrived: deque[Msg] = deque()
        """What was delivered and not taken yet; the server counts its ack wait already."""
        self._open = 0
        """How many messages the open request may still bring."""
        self._something = asyncio.Event()
        self._stopped = False

    async def start(self) -> None:
        """Listen for answers; messages are asked for by ``take``."""
        self._subscription = await self._client.subscribe(self._inbox, cb=self._receive)

    async def take(self) -> list[Msg]:
        """Wait until there is something and return up to a batch; empty when stopped."""
        while not self.arrived and not self._stopped:
            self._something.clear()  # before asking: what arrives from here on is not slept over
            await self._ask()
            try:
                await asyncio.wait_for(self._something.wait(), SILENT_AFTER_S)
            except TimeoutError:
                self._open = 0
        if self._stopped:
            return []
        taken = [self.arrived.popleft() for _ in range(min(self._batch, len(self.arrived)))]
        await self._ask()
        return taken

    def ask_again(self) -> None:
        """Forget the open request: it was lost with the server that was to answer it."""
        self._open = 0
        self._something.set()

    async def stop(self) -> None:
        """Take no more, and give back what has arrived but was not taken."""
        self._stopped = True
        self._something.set()
        with suppress(NatsError, OSError):
            if self._subscription is not None and self._client.is_connected:
                await self._subscription.drain()  # type: ignore[no-untyped-call]
            while self.arrived:
                await self.arrived.popleft().nak()

    async def _ask(self) -> None:
        if self._open > 0 or len(self.arrived) >= self._batch or self._stopped:
            return
        self._open = self._batch
        request = {"batch": self._batch, "expires": int(REQUEST_EXPIRES_S * 1e9)}
        try:
            await self._client.publish(self._subject, msgspec.json.encode(request), self._inbox)
        except NatsError:
            self._open = 0

    async def _receive(self, message: Msg) -> None:
        status = (message.headers or {}).get("Status")
        if status is None:
            self._open -= 1
            self.arrived.append(message)
        elif status == "100":
            return
        else:  # 404, 408, 409, 503: this request brings nothing more
            self._open = 0
            if status in ("409", "503"):
                await asyncio.sleep(0.5)  # the consumer is away: do not ask in a hot loop
        self._something.set()
