"""The platform that is measured: a stack of its own, and how to wait until it rests."""

import asyncio
import http.client
import json
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TypeVar
from urllib.parse import urlsplit

import asyncpg
import nats
from nats.js import JetStreamContext

from deploy.local import Stack
from deploy.local.credentials import SERVICES
from deploy.local.run_file import NatsAddress, PostgresAddress, RunFile, S3Address
from libs.contracts.streams import STREAMS

T = TypeVar("T")

RESTS_WITHIN_S = 300.0
UNLIMITED = {
    "STRONGROOM_GATEWAY_REQUESTS_PER_S": "1000000",
    "STRONGROOM_GATEWAY_REQUEST_BURST": "1000000",
}
"""What one key may ask in a second is a setting, and not what is measured."""


class Scene:
    """A started platform."""

    def __init__(self, stack: Stack, told: RunFile, *, quick: bool) -> None:
        if told.postgres is None or told.nats is None or told.s3 is None:
            raise RuntimeError("the bench runs servers of its own only")
        self.stack = stack
        self.quick = quick
        self.url = told.url
        self.admin_key = told.admin_key
        self.postgres: PostgresAddress = told.postgres
        self.nats: NatsAddress = told.nats
        self.s3: S3Address = told.s3

    def sized(self, full: T, quick: T) -> T:
        """Return what this run uses: the real size, or one to try the bench itself out."""
        return quick if self.quick else full

    def pid(self, name: str) -> int:
        """Return the process id of a service or server."""
        (found,) = [process.pid for process in self.stack.processes() if process.name == name]
        if found is None:
            raise ProcessLookupError(f"{name} does not run")
        return found

    def make_bucket(self, name: str, **settings: str) -> str:
        """Make a bucket with versions, and with ``settings``; return its name."""
        place = urlsplit(self.url)
        connection = http.client.HTTPConnection(place.hostname or "", place.port, timeout=30)
        headers = {
            "Authorization": f"Bearer {self.admin_key}",
            "Content-Type": "application/json",
        }
        connection.request(
            "POST", "/api/v1/buckets", json.dumps({"name": name} | settings), headers
        )
        answered = connection.getresponse()
        said = answered.read()
        connection.close()
        if answered.status != 201:
            raise RuntimeError(f"POST /buckets: {answered.status} {said!r}")
        return name

    def rest(self) -> None:
        """Return when everything announced has been published and reacted to."""
        asyncio.run(self._rest())

    async def _rest(self) -> None:
        client = await nats.connect(self.nats.urls["admin"])
        database = await asyncpg.connect(self.postgres.superuser_url)
        try:
            async with asyncio.timeout(RESTS_WITHIN_S):
                while await _waiting(database, client.jetstream()):  # noqa: ASYNC110 - no one tells
                    await asyncio.sleep(0.2)
        finally:
            await database.close()
            await client.close()


async def _waiting(
    database: "asyncpg.Connection[asyncpg.Record]", jetstream: JetStreamContext
) -> int:
    """Count events on their way: in an outbox, or in a stream before one of its consumers."""
    waiting = 0
    for service in SERVICES:
        waiting += await database.fetchval(
            f"SELECT count(*) FROM {service}.outbox WHERE published_at IS NULL"  # noqa: S608
        )
    for stream in STREAMS:
        for consumer in await jetstream.consumers_info(stream):
            waiting += (consumer.num_pending or 0) + (consumer.num_ack_pending or 0)
    return waiting


@contextmanager
def started(*, quick: bool, settings: Mapping[str, str] | None = None) -> Iterator[Scene]:
    """Run all services on servers of their own, with the variables of ``settings`` added.

    Nothing of them is left afterwards.
    """
    variables = UNLIMITED | dict(settings or {})
    with _environment(variables), Stack.temporary(SERVICES) as stack:
        yield Scene(stack, stack.describe(), quick=quick)


def settled_for(pause_s: float) -> None:
    """Give processes that have just started, or were just busy, time to come to rest."""
    time.sleep(pause_s)


@contextmanager
def _environment(variables: Mapping[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
