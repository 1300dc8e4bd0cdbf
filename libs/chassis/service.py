"""What a service is, and how it runs: open, migrate, answer, react, and drain at the end."""

import asyncio
import contextlib
import logging
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple, Protocol, TypeVar, runtime_checkable

from msgspec import Struct

from libs.chassis import telemetry
from libs.chassis.bus import Bus
from libs.chassis.database import Database
from libs.chassis.health import Check, Health
from libs.chassis.loops import Loop
from libs.chassis.reactions import Reacting, reactions_in
from libs.chassis.relay import Relay
from libs.chassis.rpc import Answering, answers_in
from libs.chassis.settings import ServiceSettings

LOOPS_END_WITHIN_S = 5.0

T = TypeVar("T")

log = logging.getLogger(__name__)


@runtime_checkable
class Drains(Protocol):
    """Something opened that ends its accepted work before it is closed."""

    async def drain(self) -> None:
        """Take no more work and end what was accepted; called once."""


class Service(Struct, frozen=True, kw_only=True):
    """A service put together: all that runs in its process."""

    opens: Sequence[contextlib.AbstractAsyncContextManager[Any]]
    """Opened in this order, closed in the other; a ``check()`` is a part of readiness."""
    given: Sequence[object]
    """What handlers, reactions, loops and commands may ask for by type."""
    answers: Sequence[ModuleType] = ()
    reactions: Sequence[ModuleType] = ()
    loops: Sequence[Loop] = ()

    def the(self, kind: type[T]) -> T:
        """Return the one thing of ``kind`` that was given."""
        (found,) = [thing for thing in self.given if isinstance(thing, kind)]
        return found


Command = Callable[..., Awaitable[int]]


class ServiceDefinition(NamedTuple):
    """A service before it is put together: what ``python -m services.<name>`` needs to know."""

    name: str
    settings: type[ServiceSettings]
    build: Callable[[Any], Service]
    migrations: Path
    commands: Sequence[Command] = ()
    """Operator's commands; the function's name is the command's, its docstring the help."""
    checkups: Sequence[Callable[..., Awaitable[Any]]] = ()
    """What ``doctor`` asks besides what it asks of every service: see ``checkup``."""


async def serve(name: str, settings: ServiceSettings, service: Service) -> None:
    """Run ``service`` until SIGTERM or SIGINT, then drain; raises when a loop ends by failing."""
    provider = telemetry.set_up(name, settings)
    stopping = asyncio.Event()
    starting = asyncio.current_task()
    assert starting is not None  # noqa: S101 - a coroutine runs in a task
    try:
        async with contextlib.AsyncExitStack() as stack:
            _when_told_to_stop(starting.cancel)
            failed = await stack.enter_async_context(running(name, settings, service))
            _when_told_to_stop(stopping.set)
            await _first_of(stopping, failed)
            log.info("draining")
    except asyncio.CancelledError:
        log.info("stopped before everything was there")
    provider.shutdown()


def _when_told_to_stop(act: Callable[[], object]) -> None:
    loop = asyncio.get_running_loop()
    for signal_ in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(signal_, act)


async def _first_of(stopping: asyncio.Event, failed: "asyncio.Future[None]") -> None:
    waited: set[asyncio.Future[Any]] = {asyncio.ensure_future(stopping.wait()), failed}
    await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED)
    if failed.done():
        failed.result()


@contextlib.asynccontextmanager
async def running(
    name: str, settings: ServiceSettings, service: Service
) -> AsyncIterator["asyncio.Future[None]"]:
    """Have ``service`` run inside the block; yields what fails when one of its loops does.

    On the way out: readiness off, no more requests and events, what was accepted is ended, and
    what was committed is published as far as the bus answers.
    """
    async with contextlib.AsyncExitStack() as stack:
        for thing in service.opens:
            await stack.enter_async_context(thing)
        db, bus = service.the(Database), service.the(Bus)
        health = await stack.enter_async_context(
            Health(settings.health_host, settings.health_port, _checks(service))
        )
        relay = Relay(db, bus, interval_s=settings.relay_interval_s)
        answering = Answering(bus, answers_in(service.answers, service.given))
        reacting = Reacting(bus, db, settings, reactions_in(service.reactions, service.given))
        loops = [Loop("relay", relay.run), Loop("keep-consumers", reacting.keep)]
        loops += [loop.bound(service.given) for loop in service.loops]
        failed = await stack.enter_async_context(_loops_running(loops))
        await reacting.start()
        await answering.start()
        health.accepting = True
        log.info("%s is ready, health on port %d", name, health.port)
        try:
            yield failed
        finally:
            health.accepting = False
            await _drain(service, answering, reacting, settings.drain_timeout_s)
            await relay.finish()


def _checks(service: Service) -> dict[str, Check]:
    return {
        type(thing).__name__.lower(): thing.check
        for thing in service.opens
        if hasattr(thing, "check")
    }


async def _drain(
    service: Service, answering: Answering, reacting: Reacting, timeout_s: float
) -> None:
    draining = [thing.drain() for thing in service.opens if isinstance(thing, Drains)]
    try:
        async with asyncio.timeout(timeout_s):
            await asyncio.gather(*draining, answering.stop(), reacting.stop())
    except TimeoutError:
        log.warning("not everything ended in %g s; it will be done again", timeout_s)


@contextlib.asynccontextmanager
async def _loops_running(loops: Sequence[Loop]) -> AsyncIterator["asyncio.Future[None]"]:
    failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def ended(task: "asyncio.Task[None]") -> None:
        if failed.done() or task.cancelled():
            return
        error = task.exception() or RuntimeError("it returned")
        log.critical("the loop %s ended", task.get_name(), exc_info=error)
        failed.set_exception(error)

    tasks = []
    for loop in loops:
        task = asyncio.ensure_future(loop.run())
        task.set_name(loop.name)
        task.add_done_callback(ended)
        tasks.append(task)
    try:
        yield failed
    finally:
        for task in tasks:
            task.cancel()
        # They still hold connections; who does not end by now is left to the process's own end.
        await asyncio.wait(tasks, timeout=LOOPS_END_WITHIN_S)
        failed.cancel()
