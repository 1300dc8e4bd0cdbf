"""Servers without services, and a small service of the tests' own that runs in this process."""

import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from urllib.parse import quote
from uuid import uuid4

import asyncpg
import pytest

from deploy.local import Stack
from libs.chassis.bus import Bus
from libs.chassis.database import Database
from libs.chassis.migrate import migrate
from libs.chassis.service import Service, running
from libs.chassis.settings import ServiceSettings

OWNER = "storage"
"""The small service announces in storage's name, so that there is a stream for it."""


@dataclass
class Small:
    """A running small service."""

    db: Database
    bus: Bus
    settings: ServiceSettings


@dataclass(frozen=True)
class Servers:
    """Where the servers are, as the users who may do all."""

    stack: Stack
    postgres_url: str
    nats_url: str


RunSmall = Callable[..., AbstractAsyncContextManager[Small]]


@pytest.fixture(scope="session")
def servers() -> Iterator[Servers]:
    with Stack.temporary(()) as stack:
        told = stack.describe()
        assert told.postgres is not None
        assert told.nats is not None
        yield Servers(stack, told.postgres.superuser_url, told.nats.urls["admin"])


@pytest.fixture
async def schema_url(servers: Servers, tmp_path: Path) -> AsyncIterator[str]:
    """A migrated schema that only this test uses."""
    schema = f"t{uuid4().hex[:12]}"
    superuser = servers.postgres_url
    await _execute(superuser, f"CREATE SCHEMA {schema}")
    own = tmp_path / "migrations"
    own.mkdir()
    (own / "0001_effects.sql").write_text(
        "-- migrate:up\n"
        "CREATE TABLE effect (position bigserial, name text NOT NULL);\n"
        "-- migrate:down\nDROP TABLE effect;\n"
    )
    migrate(superuser, schema, own)
    separator = "&" if "?" in superuser else "?"
    yield f"{superuser}{separator}options={quote(f'-csearch_path={schema}')}"
    await _execute(superuser, f"DROP SCHEMA {schema} CASCADE")


@pytest.fixture
def settings(schema_url: str, servers: Servers) -> ServiceSettings:
    return ServiceSettings(
        database_url=schema_url,
        nats_url=servers.nats_url,
        retry_pauses_s=(0.1, 0.2, 0.3),
        relay_interval_s=0.2,
    )


@pytest.fixture
def small_service(settings: ServiceSettings) -> RunSmall:
    """Run a service whose answers and reactions are the marked functions of ``module``."""

    @asynccontextmanager
    async def run(module: ModuleType | str, *given: object) -> AsyncIterator[Small]:
        here = sys.modules[module] if isinstance(module, str) else module
        db, bus = Database.of(settings), Bus.of(OWNER, settings)
        service = Service(
            opens=[db, bus], given=[db, bus, *given], answers=[here], reactions=[here]
        )
        async with running(OWNER, settings, service):
            yield Small(db, bus, settings)

    return run


async def _execute(url: str, sql: str) -> None:
    conn = await asyncpg.connect(url)
    try:
        await conn.execute(sql)
    finally:
        await conn.close()
