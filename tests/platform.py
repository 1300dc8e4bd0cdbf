"""The platform that tests talk to: real servers and the five services, started once per run.

``STRONGROOM_TEST_SERVERS=containers`` takes PostgreSQL, NATS and S3 from testcontainers instead of
from wheels. ``STRONGROOM_TEST_SERVICES=storage,gateway`` starts only these services.
"""

import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import NamedTemporaryFile

from deploy.local import Stack
from deploy.local.credentials import SERVICES

QUICK = {
    # A failing event is parked within seconds instead of an hour.
    "RETRY_PAUSES_S": "0.2,0.3,0.5",
    "RELAY_INTERVAL_S": "0.3",
    # What a killed service was working on comes again soon after.
    "ACK_WAIT_S": "3",
    # Only journeys whose caller wants a trace leave one.
    "TRACE_RATIO": "0",
}
QUICK_LEDGER = {
    # A lost worker is noticed within 5 s instead of 15.
    "STRONGROOM_PROGRESS_LEASE_S": "4",
}


@dataclass(frozen=True)
class Platform:
    """Where everything of a running platform is, and its processes."""

    stack: Stack
    url: str
    admin_key: str
    nats_url: str
    """As the user who may do all."""
    traces: Path
    """Where all services write their spans."""
    store_url: str
    database_urls: Mapping[str, str]
    health_urls: Mapping[str, str]

    @classmethod
    def of(cls, stack: Stack, traces: Path) -> "Platform":
        """Describe a started ``stack``, whoever brought its servers."""
        told = stack.describe()
        return cls(
            stack=stack,
            traces=traces,
            url=told.url,
            admin_key=told.admin_key,
            nats_url=(
                told.nats.urls["admin"] if told.nats else os.environ["STRONGROOM_PROGRESS_NATS_URL"]
            ),
            store_url=told.s3.url if told.s3 else os.environ["STRONGROOM_STORAGE_STORE_URL"],
            database_urls=(
                told.postgres.urls
                if told.postgres
                else {
                    name: os.environ[f"STRONGROOM_{name.upper()}_DATABASE_URL"] for name in SERVICES
                }
            ),
            health_urls=told.health,
        )


@contextmanager
def running_platform(
    services: tuple[str, ...] | None = None,
    settings: Mapping[str, str] | None = None,
    *,
    servers: bool = True,
) -> Iterator[Platform]:
    """Run the platform in a directory of its own, with the variables of ``settings`` added.

    Without ``servers`` they name those that run already.
    """
    chosen = services or _chosen_services()
    with ExitStack() as exits:
        spans = exits.enter_context(NamedTemporaryFile(prefix="strongroom-", suffix=".jsonl"))
        common = QUICK | {"TRACES_URL": f"file://{spans.name}"}
        variables = {
            f"STRONGROOM_{service.upper()}_{name}": value
            for service in chosen
            for name, value in common.items()
        }
        variables |= QUICK_LEDGER | dict(settings or {})
        exits.enter_context(_environment(variables))
        in_containers = servers and os.environ.get("STRONGROOM_TEST_SERVERS") == "containers"
        if in_containers:
            from tests.containers import servers_in_containers

            exits.enter_context(_environment(exits.enter_context(servers_in_containers())))
        stack = exits.enter_context(Stack.temporary(chosen, servers=servers and not in_containers))
        yield Platform.of(stack, Path(spans.name))


def _chosen_services() -> tuple[str, ...]:
    chosen = os.environ.get("STRONGROOM_TEST_SERVICES")
    return tuple(chosen.split(",")) if chosen else tuple(SERVICES)


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
