"""One connection to NATS per process: typed questions, live updates, and the streams."""

import asyncio
import logging
import math
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, Self, TypeVar
from urllib.parse import urlsplit

import msgspec
import nats
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.errors import Error as NatsError
from nats.errors import MaxPayloadError, NoRespondersError
from nats.errors import TimeoutError as NatsTimeoutError
from nats.js import JetStreamContext
from nats.js.api import DiscardPolicy, RetentionPolicy, StorageType, StreamConfig, StreamInfo
from nats.js.errors import NotFoundError
from opentelemetry.trace import SpanKind

from libs.chassis import telemetry
from libs.chassis.settings import ServiceSettings
from libs.contracts.base import Reply, Request
from libs.contracts.problems import (
    AnsweredWithProblem,
    Problem,
    ProblemDetails,
    ServiceUnavailable,
)
from libs.contracts.streams import StreamSpec

PROBLEM_HEADER = "Nats-Service-Error-Code"
"""Set by NATS Services on an answer that is an error (ADR-32 of NATS)."""

R = TypeVar("R", bound=Reply)

log = logging.getLogger(__name__)

_decoders: dict[type[Reply], msgspec.json.Decoder[Any]] = {}


class RequestTooLarge(Problem):
    """The request does not fit into one message."""

    code, status = "request-too-large", 413


class Bus:
    """A service's connection to NATS; reconnects for ever once it was there."""

    def __init__(self, name: str, url: str, *, drain_timeout_s: float = 20.0) -> None:
        self.name = name
        self._url = url
        self._drain_timeout_s = drain_timeout_s
        self._reconnected: list[Callable[[], None]] = []
        self._waiting: set[asyncio.Timeout] = set()
        self._client: Client | None = None
        self._jetstream: JetStreamContext | None = None

    @classmethod
    def of(cls, name: str, settings: ServiceSettings) -> Self:
        """Return the bus that ``settings`` name, not connected yet."""
        return cls(name, settings.nats_url, drain_timeout_s=settings.drain_timeout_s)

    async def __aenter__(self) -> Self:
        self._client = await nats.connect(
            self._url,
            name=f"strongroom-{self.name}",
            # Answers come to this user's own inboxes, which the others have no right to hear.
            inbox_prefix=f"_INBOX_{urlsplit(self._url).username or self.name}",
            connect_timeout=5,
            max_reconnect_attempts=-1,
            reconnect_time_wait=1,
            # A server that falls silent is given up after three of these, within 10 s.
            ping_interval=3,
            max_outstanding_pings=2,
            drain_timeout=math.ceil(self._drain_timeout_s),
            # What waits to be sent is bounded while the server is away.
            pending_size=8 * 1024 * 1024,
            error_cb=_log_once_per_kind(),
            disconnected_cb=self._on_disconnected,
            reconnected_cb=self._on_reconnected,
        )
        self._jetstream = self._client.jetstream(timeout=5)
        return self

    async def __aexit__(self, *failure: object) -> None:
        if self.client.is_connected:
            await self.client.drain()
        else:
            await self.client.close()

    @property
    def client(self) -> Client:
        """The connection itself."""
        if self._client is None:
            raise RuntimeError("the bus is used before it was opened")
        return self._client

    @property
    def jetstream(self) -> JetStreamContext:
        """JetStream on this connection."""
        if self._jetstream is None:
            raise RuntimeError("the bus is used before it was opened")
        return self._jetstream

    async def check(self) -> None:
        """Raise ``ServiceUnavailable`` unless the server is connected."""
        if not self.client.is_connected:
            raise _unavailable()

    def when_reconnected(self, listener: Callable[[], None]) -> None:
        """Call ``listener`` after the server was lost and found."""
        self._reconnected.append(listener)

    async def ask(self, request: Request[R], *, timeout_s: float = 5.0) -> R:
        """Return the typed answer of the service that owns ``request``.

        Raises ``AnsweredWithProblem`` with what that service answered, and ``ServiceUnavailable``
        when nobody serves it or the server is lost, at once, or nobody answers within
        ``timeout_s``. What no message can hold is ``RequestTooLarge``.
        """
        if not self.client.is_connected:
            raise _unavailable()
        with telemetry.span(f"ask {request.subject}", kind=SpanKind.CLIENT):
            try:
                async with self.waiting(timeout_s):
                    answer = await self.client.request(
                        request.subject,
                        msgspec.json.encode(request),
                        timeout=timeout_s,
                        headers=telemetry.outgoing(),
                    )
            except NoRespondersError as error:
                raise ServiceUnavailable(
                    f"{request.owner} is not running", retry_after_s=1
                ) from error
            except MaxPayloadError as error:
                raise RequestTooLarge(request.subject) from error
            except (NatsTimeoutError, NatsError, OSError) as error:
                raise ServiceUnavailable(
                    self._why_no_answer(request.owner, timeout_s), retry_after_s=1
                ) from error
        return _read_answer(request, answer)

    def _why_no_answer(self, owner: str, timeout_s: float) -> str:
        if not self.client.is_connected:
            return "NATS does not answer"
        return f"{owner} did not answer in {timeout_s:g} s"

    @asynccontextmanager
    async def waiting(self, timeout_s: float) -> AsyncIterator[None]:
        """Raise ``TimeoutError`` inside after ``timeout_s``, or as soon as the server is lost.

        An answer that was on its way then never comes.
        """
        async with asyncio.timeout(timeout_s) as patience:
            self._waiting.add(patience)
            try:
                yield
            finally:
                self._waiting.discard(patience)

    async def publish_live(self, subject: str, update: msgspec.Struct) -> None:
        """Tell whoever listens right now; nobody keeps it, and a lost server loses it."""
        if self.client.is_connected:
            await self.client.publish(subject, msgspec.json.encode(update))

    async def subscribe(
        self, subject: str, listener: Callable[[Msg], Awaitable[None]]
    ) -> Subscription:
        """Call ``listener`` with every message on ``subject`` from now on."""
        return await self.client.subscribe(subject, cb=listener)

    async def declare(self, spec: StreamSpec) -> StreamInfo:
        """Make the stream as ``spec`` says, or leave it when it is so already."""
        config = StreamConfig(
            name=spec.name,
            subjects=list(spec.subjects),
            retention=RetentionPolicy.LIMITS,
            storage=StorageType.FILE,
            discard=DiscardPolicy.OLD,
            max_age=spec.max_age_s,
            duplicate_window=spec.dedupe_window_s,
        )
        try:
            info = await self.jetstream.stream_info(spec.name)
        except NotFoundError:
            log.info("declaring stream %s", spec.name)
            return await self.jetstream.add_stream(config)
        if not _is_as_wanted(info.config, config):
            return await self.jetstream.update_stream(config)
        return info

    async def _on_disconnected(self) -> None:
        now = asyncio.get_running_loop().time()
        for patience in self._waiting:
            if not patience.expired():
                patience.reschedule(now)

    async def _on_reconnected(self) -> None:
        log.info("connected to NATS again")
        for listener in self._reconnected:
            listener()


def _is_as_wanted(found: StreamConfig, wanted: StreamConfig) -> bool:
    return (
        sorted(found.subjects or []) == sorted(wanted.subjects or [])
        and found.max_age == wanted.max_age
        and found.duplicate_window == wanted.duplicate_window
    )


def _read_answer(request: Request[R], answer: Msg) -> R:
    if answer.headers and PROBLEM_HEADER in answer.headers:
        raise AnsweredWithProblem(msgspec.json.decode(answer.data, type=ProblemDetails))
    kind = request.reply()
    decoder = _decoders.get(kind)
    if decoder is None:
        decoder = _decoders[kind] = msgspec.json.Decoder(kind)
    reply: R = decoder.decode(answer.data)
    return reply


def _unavailable() -> ServiceUnavailable:
    return ServiceUnavailable("NATS does not answer", retry_after_s=1)


def _log_once_per_kind() -> Callable[[Exception], Awaitable[None]]:
    """Return an error callback that does not fill the log while a server is away."""
    last: dict[str, float] = {}

    async def note(error: Exception) -> None:
        now = asyncio.get_running_loop().time()
        kind = type(error).__name__
        if now - last.get(kind, float("-inf")) > 10:
            last[kind] = now
            log.warning("NATS: %s", str(error) or kind)

    return note
