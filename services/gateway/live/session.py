"""One WebSocket: what its client says, and what waits to be told to it."""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import UTC, datetime

import msgspec
from prometheus_client import Counter, Gauge

from libs.contracts.problems import Problem
from services.gateway.domain.failures import InvalidInput
from services.gateway.domain.keys import Identity
from services.gateway.domain.live import (
    LARGEST_MESSAGE,
    Subscribe,
    Topic,
    Unsubscribed,
    read_message,
    read_topic,
    trouble,
)
from services.gateway.domain.rates import TokenBucket
from services.gateway.edge.asgi import Receive, Send
from services.gateway.edge.cancelling import cancel
from services.gateway.live.hub import Hub

MESSAGES_PER_S = 20.0
MESSAGES_AT_ONCE = 100.0
MOST_TOPICS = 100
SEND_TIMEOUT_S = 10.0
CLOSE_TIMEOUT_S = 2.0
LINGER_S = 0.5

NORMAL, TOO_LARGE, POLICY, SLOW, EXPIRED = 1000, 1009, 1008, 1013, 4401
INTERNAL = 1011
GONE = 0
"""The client went first: nobody is left to be told."""

SESSIONS = Gauge("strongroom_live_clients", "Open WebSockets.")
CLOSED = Counter("strongroom_live_closed_total", "WebSockets that we closed.", ["code"])

Check = Callable[[Topic], Awaitable[None]]
"""Raises a ``Problem`` unless the client may listen to the topic."""

log = logging.getLogger(__name__)


class Session:
    """Reads, answers and tells until the client goes or has to."""

    def __init__(
        self,
        hub: Hub,
        identity: Identity,
        receive: Receive,
        send: Send,
        *,
        check: Check,
        most_waiting: int,
    ) -> None:
        self._hub = hub
        self._identity = identity
        self._check = check
        self._doubting: set[asyncio.Task[None]] = set()
        self._receive = receive
        self._send = send
        self._most = most_waiting
        self._waiting: deque[bytes] = deque()
        self._changed = asyncio.Event()
        self._closing: tuple[int, str] | None = None
        self._topics: dict[str, Topic] = {}
        self._only: str | None = None
        self._pace = TokenBucket.full(MESSAGES_PER_S, MESSAGES_AT_ONCE, time.monotonic())

    async def run(self, only: str | None = None) -> None:
        """Serve the client; with ``only`` it is subscribed at once, and done with that topic."""
        await self._receive()
        await self._send({"type": "websocket.accept"})
        self._hub.admit(self._identity.key_id, self.close)
        reading = asyncio.create_task(self._read(only))
        expiry = self._expiry()
        try:
            with SESSIONS.track_inprogress():
                await self._write()
        finally:
            self._hub.dismiss(self.close)
            if expiry is not None:
                expiry.cancel()
            if self._closing is not None and self._closing[0] in (POLICY, TOO_LARGE):
                # What it still sends is read, or the reset would overtake the reason.
                await asyncio.sleep(LINGER_S)
            # First: Granian neither closes nor lets go of a socket that is being read.
            await cancel([reading, *self._doubting])
            for topic in list(self._topics.values()):
                await self._hub.unsubscribe(topic, self)
            await self._say_goodbye()

    def offer(self, frame: bytes) -> None:
        """Let a message wait for the client; one too many, and the client is closed."""
        if len(self._waiting) >= self._most:
            self.close(SLOW, "too slow: connect again with the last offset")
            return
        self._waiting.append(frame)
        self._changed.set()

    def ended(self, topic: str) -> None:
        """Close after the last message when there was only this topic."""
        if self._only == topic:
            self._finish(NORMAL, "the task has come to its end")

    def doubt(self, topic: str) -> None:
        """Ask again whether the client may listen to the topic, and tell it if not."""
        doubted = self._topics.get(topic)
        if doubted is not None:
            asking = asyncio.create_task(self._check_again(doubted))
            self._doubting.add(asking)
            asking.add_done_callback(self._doubting.discard)

    async def _check_again(self, topic: Topic) -> None:
        try:
            await self._check(topic)
        except Problem as problem:
            if self._topics.pop(topic.name, None) is not None:
                await self._hub.unsubscribe(topic, self)
                self.offer(trouble(problem.details(), topic.name))

    def close(self, code: int, reason: str) -> None:
        """Send the client away, whatever still waits."""
        self._waiting.clear()
        self._finish(code, reason)

    def _finish(self, code: int, reason: str) -> None:
        if self._closing is None:
            self._closing = (code, reason)
        self._changed.set()

    async def _write(self) -> None:
        while True:
            while self._waiting:
                frame = self._waiting.popleft()
                try:
                    async with asyncio.timeout(SEND_TIMEOUT_S):
                        await self._send({"type": "websocket.send", "text": frame.decode()})
                except TimeoutError:
                    self.close(SLOW, "too slow: connect again with the last offset")
            if self._closing is not None:
                return
            self._changed.clear()
            await self._changed.wait()

    async def _say_goodbye(self) -> None:
        code, reason = self._closing or (INTERNAL, "something broke that should not have")
        if code == GONE:
            return
        CLOSED.labels(str(code)).inc()
        with suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_TIMEOUT_S):
                await self._send({"type": "websocket.close", "code": code, "reason": reason})

    async def _read(self, only: str | None) -> None:
        try:
            if only is not None:
                self._only = only
                await self._subscribe(Subscribe(only))
            while True:
                message = await self._receive()
                if message["type"] == "websocket.disconnect":
                    self.close(GONE, "")
                    return
                if self._closing is None:
                    await self._hear(message.get("text") or message.get("bytes") or b"")
        except Exception:
            log.exception("a live client's message failed")
            self.close(INTERNAL, "something broke that should not have")

    async def _hear(self, text: str | bytes) -> None:
        if len(text) > LARGEST_MESSAGE:
            self.close(TOO_LARGE, f"a message has at most {LARGEST_MESSAGE} bytes")
            return
        if self._pace.take(time.monotonic()):
            self.close(POLICY, "too many messages")
            return
        try:
            said = read_message(text)
        except Problem as problem:
            self.offer(trouble(problem.details()))
            return
        if isinstance(said, Subscribe):
            await self._subscribe(said)
        else:
            await self._unsubscribe(said.topic)

    async def _subscribe(self, said: Subscribe) -> None:
        try:
            topic = read_topic(said.topic)
            if topic.name in self._topics:
                raise InvalidInput("the topic is subscribed to already")
            if len(self._topics) >= MOST_TOPICS:
                raise InvalidInput(f"a connection has at most {MOST_TOPICS} topics")
            self._topics[topic.name] = topic
            try:
                await self._check(topic)
                await self._hub.subscribe(topic, self, said.since)
            except BaseException:
                del self._topics[topic.name]
                raise
        except Problem as problem:
            self.offer(trouble(problem.details(), said.topic))
            if self._only is not None:
                self._finish(POLICY, problem.details().title)

    async def _unsubscribe(self, name: str) -> None:
        topic = self._topics.pop(name, None)
        if topic is not None:
            await self._hub.unsubscribe(topic, self)
        self.offer(msgspec.json.encode(Unsubscribed(name)))

    def _expiry(self) -> asyncio.TimerHandle | None:
        if self._identity.expires_at is None:
            return None
        left_s = (self._identity.expires_at - datetime.now(UTC)).total_seconds()
        loop = asyncio.get_running_loop()
        return loop.call_later(max(0.0, left_s), self.close, EXPIRED, "the API key has expired")
