"""Requests: one message, one function, one transaction, one typed answer.

They are NATS Services (``nats.micro``): discoverable, and balanced over replicas by queue group.
"""

import asyncio
import inspect
import logging
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from types import ModuleType
from typing import Any, NamedTuple, TypeVar

import msgspec
from nats.aio.subscription import Subscription
from nats.errors import Error as NatsError
from nats.errors import MaxPayloadError
from nats.micro import add_service
from nats.micro.request import Request as MicroRequest
from nats.micro.service import Service as MicroService
from opentelemetry.trace import SpanKind
from prometheus_client import Counter, Histogram

from libs.chassis import telemetry
from libs.chassis.binding import bind
from libs.chassis.bus import PROBLEM_HEADER, Bus
from libs.contracts.base import Request
from libs.contracts.ids import new_id
from libs.contracts.problems import MalformedRequest, Problem, ProblemDetails, ServiceUnavailable

MOST_AT_ONCE = 256
"""Requests that one process works on; more are answered with 503 rather than queued unseen."""

SECONDS = Histogram(
    "strongroom_rpc_seconds",
    "Time from a request's arrival to its answer.",
    ["request"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10),
)
PROBLEMS = Counter("strongroom_rpc_problems_total", "Requests answered with a problem.", ["code"])

F = TypeVar("F", bound=Callable[..., Awaitable[Any]])

log = logging.getLogger(__name__)


class InternalError(Problem):
    """Something broke that should not have"""

    code, status = "internal-error", 500


class Overloaded(Problem):
    """The service has as much work as it can take."""

    code, status = "overloaded", 503


def serves(request: type[Request[Any]]) -> Callable[[F], F]:
    """Mark a function as the answer to ``request``; its further parameters are bound by type."""

    def mark(handler: F) -> F:
        handler.__serves__ = request  # type: ignore[attr-defined]
        return handler

    return mark


class Answer(NamedTuple):
    """A request and the function that answers it, ready to be called."""

    request: type[Request[Any]]
    handler: Callable[[Any], Awaitable[Any]]


def answers_in(modules: Sequence[ModuleType], given: Sequence[object]) -> list[Answer]:
    """Collect what the functions of ``modules`` marked with ``serves`` answer."""
    return [
        Answer(function.__serves__, bind(function, given, own=1))
        for module in modules
        for _, function in inspect.getmembers(module, inspect.isfunction)
        if hasattr(function, "__serves__") and function.__module__ == module.__name__
    ]


class Answering:
    """Serves ``answers`` on ``bus`` until it is stopped; what was accepted is answered."""

    def __init__(self, bus: Bus, answers: Sequence[Answer]) -> None:
        self._bus = bus
        self._answers = answers
        self._working: set[asyncio.Task[None]] = set()
        self._service: MicroService | None = None

    async def start(self) -> None:
        """Begin to take requests."""
        if not self._answers:
            return
        self._service = await add_service(
            self._bus.client,
            name=f"strongroom-{self._bus.name}",
            version="1.0.0",
            queue_group=self._bus.name,
        )
        for answer in self._answers:
            subject = answer.request.subject
            await self._service.add_endpoint(
                name=subject.rsplit(".", 1)[-1], subject=subject, handler=self._starter(answer)
            )

    async def stop(self) -> None:
        """Take no more requests and answer those that were taken, also unread ones."""
        if self._service is not None and self._bus.client.is_connected:
            await asyncio.gather(*(_drain(taking) for taking in _subscriptions(self._service)))
        if self._working:
            await asyncio.wait(self._working)

    def _starter(self, answer: Answer) -> Callable[[MicroRequest], Awaitable[None]]:
        decoder = msgspec.json.Decoder(answer.request)

        async def start(message: MicroRequest) -> None:
            # nats-py awaits its callbacks one after the other: each request gets its own task.
            if len(self._working) >= MOST_AT_ONCE:
                await _respond_problem(message, Overloaded(retry_after_s=1).details())
                return
            task = asyncio.create_task(_answer(answer, decoder, message))
            self._working.add(task)
            task.add_done_callback(self._working.discard)

        return start


def _subscriptions(service: MicroService) -> list[Subscription]:
    """Return what ``service`` listens to: its own ``stop`` throws away what was not read yet."""
    endpoints = [endpoint._subscription for endpoint in service._endpoints]  # noqa: SLF001
    verbs = service._subscriptions.values()  # noqa: SLF001
    return [subscription for subscription in (*endpoints, *verbs) if subscription is not None]


async def _drain(subscription: Subscription) -> None:
    with suppress(NatsError):
        await subscription.drain()  # type: ignore[no-untyped-call]


async def _answer(
    answer: Answer, decoder: msgspec.json.Decoder[Any], message: MicroRequest
) -> None:
    subject = answer.request.subject
    parent = telemetry.incoming(message.headers)
    with (
        SECONDS.labels(subject).time(),
        telemetry.span(subject.removeprefix("rpc."), kind=SpanKind.SERVER, parent=parent),
    ):
        try:
            reply = await answer.handler(_decode(decoder, message.data))
            body = msgspec.json.encode(reply)
        except Exception as error:  # noqa: BLE001 - the boundary: every failure becomes an answer
            await _respond_problem(message, _name(error, subject))
        else:
            await _send(message, body, {})


def _decode(decoder: msgspec.json.Decoder[Any], data: bytes) -> Any:
    try:
        return decoder.decode(data)
    except (msgspec.DecodeError, RecursionError) as error:
        raise MalformedRequest(str(error)) from error


def _name(error: Exception, subject: str) -> ProblemDetails:
    if isinstance(error, Problem):
        if isinstance(error, ServiceUnavailable):
            log.warning("%s: %s", subject, error.detail)
        return error.details()
    incident = new_id()
    log.error("%s failed, incident %s", subject, incident, exc_info=error)
    return InternalError(incident=str(incident)).details()


async def _respond_problem(message: MicroRequest, details: ProblemDetails) -> None:
    PROBLEMS.labels(details.code).inc()
    headers = {
        "Nats-Service-Error": details.code,
        PROBLEM_HEADER: str(details.status),
    }
    await _send(message, msgspec.json.encode(details), headers)


async def _send(message: MicroRequest, body: bytes, headers: dict[str, str]) -> None:
    try:
        await message.respond(body, headers)
    except MaxPayloadError as error:
        # A bug, and one that whoever asked must not have to wait for.
        await _respond_problem(message, _name(error, message.subject))
    except NatsError as error:
        # Whoever asked has given up by now, or asks again; a request may be repeated.
        log.warning("an answer on %s was lost: %s", message.subject, error)
