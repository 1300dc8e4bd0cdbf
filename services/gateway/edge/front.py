"""The outermost layer: one trace, one id and one deadline for every request, and its figures."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from opentelemetry.trace import Span, SpanKind
from prometheus_client import Counter, Gauge, Histogram

from libs.chassis import telemetry
from services.gateway.domain.failures import BodyIncomplete, InvalidInput, TooSlow
from services.gateway.domain.paths import find_file
from services.gateway.domain.rates import Pace
from services.gateway.domain.ref_names import find_name
from services.gateway.edge import problems
from services.gateway.edge.asgi import (
    RAW_FILE,
    RAW_NAME,
    REQUEST_ID,
    App,
    Message,
    Receive,
    Scope,
    Send,
    answer,
    header,
)
from services.gateway.settings import Settings

SECONDS = Histogram(
    "strongroom_http_request_seconds",
    "Time from a request's headers to the end of its answer.",
    ["method", "route", "status"],
    buckets=(0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 60),
)
RECEIVED = Counter("strongroom_http_received_bytes_total", "Bytes of request bodies.")
SENT = Counter("strongroom_http_sent_bytes_total", "Bytes of answers' bodies.")
IN_FLIGHT = Gauge("strongroom_http_requests_in_flight", "Requests that are being answered.")

SLOW_AFTER_S = 10.0
"""A body's pace is not judged before it was waited for this long."""


LINGER_S = 2.0
LINGER_BYTES = 64 * 1024 * 1024
BODILESS = ("GET", "HEAD", "DELETE", "OPTIONS")


class ConnectionAborted(Exception):
    """The answer cannot be finished; cutting the connection is the only honest end."""


class Front:
    """Wraps the application; what fails without a name ends here."""

    def __init__(self, app: App, settings: Settings) -> None:
        self._app = app
        self._settings = settings
        self._running: set[asyncio.Task[None]] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or serve one WebSocket."""
        task = asyncio.current_task()
        if task is not None:
            self._running.add(task)
            task.add_done_callback(self._running.discard)
        with _traced(scope) as span:
            if scope["type"] == "websocket":
                await self._app(scope, receive, send)
            else:
                await self._answer(scope, receive, send, span)

    def cancel_all(self) -> None:
        """Cut off every request that is still being answered."""
        for task in list(self._running):
            task.cancel()

    async def _answer(self, scope: Scope, receive: Receive, send: Send, span: Span) -> None:
        exchange = _Exchange(scope, receive, send, self._settings)
        IN_FLIGHT.inc()
        began = time.perf_counter()
        try:
            _check_host(scope)
            _mark_names(scope)
            await self._app(scope, exchange.receive, exchange.send)
            await exchange.linger()
        except ConnectionAborted:
            return
        except Exception as error:  # noqa: BLE001 - whatever it is, it is answered or cut off
            await exchange.fail(error)
            await exchange.linger()
        finally:
            IN_FLIGHT.dec()
            route = scope.get("path_template") or "none"
            status = str(exchange.status)
            SECONDS.labels(scope["method"], route, status).observe(time.perf_counter() - began)
            span.update_name(f"{scope['method']} {route}")
            span.set_attribute("http.response.status_code", exchange.status)


class _Exchange:
    """The two directions of one request: a deadline on the way in, an id on the way out."""

    def __init__(self, scope: Scope, receive: Receive, send: Send, settings: Settings) -> None:
        self.status = 0
        self._scope = scope
        self._receive = receive
        self._send = send
        self._idle_s = settings.upload_idle_timeout_s
        self._pace = Pace(settings.upload_least_bytes_s, SLOW_AFTER_S)
        self._body_ended = scope["method"] in BODILESS
        self._answered = False

    async def receive(self) -> Message:
        """Return the next message; raises ``TooSlow`` or ``BodyIncomplete`` within a body."""
        if self._body_ended:
            return await self._receive()
        began = time.monotonic()
        try:
            async with asyncio.timeout(self._idle_s):
                message = await self._receive()
        except TimeoutError:
            raise TooSlow(f"nothing of the body came for {self._idle_s:g} s") from None
        if message["type"] == "http.disconnect":
            raise BodyIncomplete("the connection ended before the body did")
        self._body_ended = not message.get("more_body", False)
        self._note(len(message.get("body", b"")), time.monotonic() - began)
        return message

    async def send(self, message: Message) -> None:
        """Pass an answer on, with the request's id."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            request_id = self._scope[REQUEST_ID].encode("ascii")
            message["headers"] = [*message["headers"], (b"x-request-id", request_id)]
        else:
            SENT.inc(len(message.get("body", b"")))
            self._answered = not message.get("more_body", False)
        await self._send(message)

    async def fail(self, error: Exception) -> None:
        """Answer ``error``, or cut the connection when an answer was begun."""
        details = problems.named(error)
        if self.status:
            return
        lines = [
            (name.encode("ascii"), value.encode("latin-1"))
            for name, value in problems.headers_of(details).items()
        ]
        body = problems.body_of(details, problems.instance_of(self._scope))
        await answer(self.send, details.status, body, problems.MEDIA_TYPE.encode(), lines)

    async def linger(self) -> None:
        """Read on for a moment when an answer came before the body's end.

        Closing at once would reset the connection, and the client might never see the answer.
        """
        if self._body_ended or not self._answered:
            return
        left = LINGER_BYTES
        with suppress(TimeoutError):
            async with asyncio.timeout(LINGER_S):
                while left > 0:
                    message = await self._receive()
                    left -= len(message.get("body", b""))
                    if not message.get("more_body", False):
                        return

    def _note(self, size: int, waited_s: float) -> None:
        RECEIVED.inc(size)
        self._pace.came(size, waited_s)
        if not self._body_ended and self._pace.is_too_slow():
            raise TooSlow("the body comes too slowly")


@contextmanager
def _traced(scope: Scope) -> Iterator[Span]:
    """Begin the request's span in the caller's trace, and name the request after the trace."""
    traceparent = header(scope, b"traceparent")
    parent = telemetry.incoming({"traceparent": traceparent} if traceparent else None)
    with telemetry.span("http", kind=SpanKind.SERVER, parent=parent) as span:
        scope[REQUEST_ID] = f"{span.get_span_context().trace_id:032x}"
        yield span


def _check_host(scope: Scope) -> None:
    if not header(scope, b"host"):
        raise InvalidInput("the Host header is missing")


def _mark_names(scope: Scope) -> None:
    """Route a URL by what stands around a file's path or a ref's name; the router sees neither."""
    raw_path = scope["raw_path"]
    if (address := find_file(raw_path)) is not None:
        scope["path"] = f"{scope['path'].partition('/files/')[0]}/files/-"
        scope[RAW_FILE] = address.file
    elif (named := find_name(raw_path)) is not None:
        scope["path"] = named.path
        scope[RAW_NAME] = named.name
