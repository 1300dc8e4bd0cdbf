"""``run.json``: what tools need to reach a running stack."""

import os
import time
from collections.abc import Mapping

import msgspec
from msgspec import Struct

from deploy.local.credentials import NATS_USERS, SERVICES, Secrets
from deploy.local.home import Home, write_private
from deploy.local.ports import HOST
from deploy.local.servers.all import Servers
from deploy.local.servers.postgres import SUPERUSER
from deploy.local.servers.s3 import BUCKET, REGION


class PostgresAddress(Struct, frozen=True, kw_only=True):
    superuser_url: str
    urls: dict[str, str]
    """By service; each can use its own schema only."""


class NatsAddress(Struct, frozen=True, kw_only=True):
    urls: dict[str, str]
    """By user: ``admin``, ``subscriber`` (reads events), and the services."""


class S3Address(Struct, frozen=True, kw_only=True):
    endpoint: str
    region: str
    bucket: str
    access_key: str
    secret_key: str
    url: str
    """All of it in one line, as ``libs.blobs`` opens it."""


class RunFile(Struct, frozen=True, kw_only=True):
    """Addresses and credentials of a running stack; no servers when they are not ours."""

    url: str
    admin_key: str
    pid: int
    """The process to send SIGTERM to."""
    started_at: float
    health: dict[str, str]
    postgres: PostgresAddress | None = None
    nats: NatsAddress | None = None
    s3: S3Address | None = None


def describe(
    ports: Mapping[str, int], secrets: Secrets, admin_key: str, servers: Servers | None
) -> RunFile:
    """Return what ``run.json`` tells."""
    told = RunFile(
        url=f"http://{HOST}:{ports['gateway']}",
        admin_key=admin_key,
        pid=os.getpid(),
        started_at=time.time(),
        health={
            name: f"http://{HOST}:{ports[f'{name}.health']}"
            for name in SERVICES
            if f"{name}.health" in ports
        },
    )
    if servers is None:
        return told
    return msgspec.structs.replace(
        told,
        postgres=PostgresAddress(
            superuser_url=servers.postgres.url(SUPERUSER),
            urls={service: servers.postgres.url(service) for service in SERVICES},
        ),
        nats=NatsAddress(urls={user: servers.nats.url(user) for user in NATS_USERS}),
        s3=S3Address(
            endpoint=servers.s3.endpoint,
            region=REGION,
            bucket=BUCKET,
            access_key=secrets.s3_access_key,
            secret_key=secrets.s3_secret_key,
            url=servers.s3.url(),
        ),
    )


def write_run_file(home: Home, told: RunFile) -> None:
    """Write ``run.json``, readable by its owner only."""
    write_private(home.run_file, msgspec.json.format(msgspec.json.encode(told)))


def read_run_file(home: Home) -> RunFile | None:
    """Return what the running stack wrote, or None when none runs cleanly."""
    try:
        return msgspec.json.decode(home.run_file.read_bytes(), type=RunFile)
    except (FileNotFoundError, msgspec.DecodeError):
        return None


def remove_run_file(home: Home) -> None:
    """Forget the addresses: nothing answers there any more."""
    home.run_file.unlink(missing_ok=True)
