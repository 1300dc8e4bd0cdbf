"""What every test may use. Nothing here pretends: servers and services are the real ones."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack

import httpx
import hypothesis
import pytest

from libs.chassis.bus import Bus
from libs.chassis.database import Database
from libs.contracts.base import R, Request
from tests.listening import Events
from tests.platform import Platform, running_platform

# A busy machine is slow, not wrong.
hypothesis.settings.register_profile("strongroom", deadline=None)
hypothesis.settings.load_profile("strongroom")

Ask = Callable[[Request[R]], Awaitable[R]]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark tests by their folder, so that a selection needs no decorators."""
    for item in items:
        folders = item.path.parts
        for folder, mark in (
            ("domain", pytest.mark.domain),
            ("contracts", pytest.mark.domain),
            ("service", pytest.mark.service),
            ("journeys", pytest.mark.journey),
            ("faults", pytest.mark.fault),
        ):
            if folder in folders:
                item.add_marker(mark)


@pytest.fixture(scope="session")
def platform() -> Iterator[Platform]:
    """All services on real servers, once per run."""
    with running_platform() as running:
        yield running


@pytest.fixture(scope="session")
async def admin_bus(platform: Platform) -> AsyncIterator[Bus]:
    """A connection to NATS as the user who may do all."""
    async with Bus("admin", platform.nats_url) as bus:
        yield bus


@pytest.fixture(scope="session")
def ask(admin_bus: Bus) -> "Callable[[Request[R]], Awaitable[R]]":
    """Ask a service, as the gateway does."""

    async def ask(request: Request[R], *, timeout_s: float = 10.0) -> R:
        return await admin_bus.ask(request, timeout_s=timeout_s)

    return ask


@pytest.fixture(scope="session")
async def db_of(platform: Platform) -> AsyncIterator[Callable[[str], Awaitable[Database]]]:
    """Look into a service's schema."""
    opened: dict[str, Database] = {}
    async with AsyncExitStack() as stack:

        async def db_of(service: str) -> Database:
            if service not in opened:
                db = Database(platform.database_urls[service], pool_size=2)
                opened[service] = await stack.enter_async_context(db)
            return opened[service]

        yield db_of


@pytest.fixture
async def events(admin_bus: Bus) -> AsyncIterator[Events]:
    """What the platform announces from now on."""
    async with Events(admin_bus) as heard:
        yield heard


@pytest.fixture(scope="session")
async def http(platform: Platform) -> AsyncIterator[httpx.AsyncClient]:
    """The gateway, as the administrator."""
    async with httpx.AsyncClient(
        base_url=platform.url,
        headers={"Authorization": f"Bearer {platform.admin_key}"},
        timeout=30.0,
    ) as client:
        yield client
