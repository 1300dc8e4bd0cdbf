"""A platform whose services reach their servers through cables that can be cut, torn, or slow."""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import AsyncExitStack, contextmanager
from dataclasses import replace
from threading import Thread
from typing import TypeVar
from urllib.parse import urlsplit

from deploy.local import Stack
from deploy.local.credentials import SERVICES
from deploy.local.wiring import USES_STORE, variable
from tests.conformance.faulty import Cable, at_port, port_of
from tests.platform import Platform, running_platform

HOST = "127.0.0.1"
KERNEL_NOTICES_S = 10.0
BUSY = (
    b"HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/xml\r\n"
    b"content-length: 48\r\nconnection: close\r\n\r\n"
    b"<Error><Code>SlowDown</Code><Message/></Error>\r\n"
)

T = TypeVar("T")


class Cables:
    """The cables to PostgreSQL, NATS and the store, in a thread: whoever waits does not stop them.

    What was connected through a cable that was cut is half open for ever: whoever is at an end has
    to notice, which a server's kernel does in the time that services ask of it.
    """

    def __init__(self, ports: Mapping[str, int]) -> None:
        self._loop = asyncio.new_event_loop()
        self._cables = {name: Cable(HOST, port) for name, port in ports.items()}
        self._exits = AsyncExitStack()
        self._thread = Thread(target=self._loop.run_forever, daemon=True)

    def __enter__(self) -> "Cables":
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._plug_in(), self._loop).result()
        return self

    def __exit__(self, *failure: object) -> None:
        asyncio.run_coroutine_threadsafe(self._exits.aclose(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _plug_in(self) -> None:
        for cable in self._cables.values():
            await self._exits.enter_async_context(cable.plugged_in())

    def port(self, name: str) -> int:
        """Return where services reach a server."""
        return self._cables[name].port

    def cut(self, name: str) -> None:
        """Let all fall silent: connections stay open, and nothing comes."""
        self._do(self._cables[name].cut)

    def tear(self, name: str) -> None:
        """Reset all connections, also those that are made from now on."""
        self._do(self._cables[name].tear)

    def slow_down(self, name: str, pause_s: float) -> None:
        """Wait before each piece that is carried."""
        self._do(lambda: self._cables[name].slow_down(pause_s))

    def refuse(self, name: str) -> None:
        """Answer HTTP requests with 503 in the server's place."""
        self._do(lambda: self._cables[name].speak(BUSY))

    def mend(self) -> None:
        """Carry again."""
        for cable in self._cables.values():
            if cable.is_silent:
                self._do(cable.forget)
                self._loop.call_soon_threadsafe(
                    self._loop.call_later, KERNEL_NOTICES_S, cable.tear_forgotten
                )
            elif cable.is_faulty:
                self._do(cable.tear)
                self._do(cable.mend)

    def _do(self, action: Callable[[], T]) -> T:
        """Have the cables' own thread do it."""
        done: Future[T] = Future()
        self._loop.call_soon_threadsafe(lambda: done.set_result(action()))
        return done.result()


@contextmanager
def cabled_platform(
    services: tuple[str, ...], settings: Mapping[str, str]
) -> Iterator[tuple[Platform, Cables]]:
    """Run services on servers that they reach by cables; whoever looks is not among them."""
    with Stack.temporary() as servers:
        told = servers.describe()
        if told.postgres is None or told.nats is None or told.s3 is None:
            raise RuntimeError("the servers are not ours")
        databases, buses, store = told.postgres.urls, told.nats.urls, told.s3.url
        ports = {
            "postgres": urlsplit(databases["storage"]).port or 0,
            "nats": urlsplit(buses["storage"]).port or 0,
            "store": port_of(store),
        }
        with Cables(ports) as cables:
            variables = dict(settings)
            for service in SERVICES:
                database, bus = databases[service], buses[service]
                variables |= {
                    variable(service, "database_url"): at_port(database, cables.port("postgres")),
                    variable(service, "nats_url"): at_port(bus, cables.port("nats")),
                }
                if service in USES_STORE:
                    by_cable = at_port(store, cables.port("store"))
                    variables[variable(service, "store_url")] = by_cable
            with running_platform(services, variables, servers=False) as running:
                yield (
                    replace(
                        running, database_urls=databases, nats_url=buses["admin"], store_url=store
                    ),
                    cables,
                )
