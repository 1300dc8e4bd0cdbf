"""How the services learn where everything is: the variables that each one is started with."""

import os
from collections.abc import Mapping
from dataclasses import dataclass

from deploy.local.ports import HOST
from deploy.local.servers.nats import Nats
from deploy.local.servers.postgres import Postgres
from deploy.local.servers.s3 import S3

USES_STORE = ("gateway", "storage", "backup")
GATEWAY_PORT = 8450
"""Where the gateway listens unless the port is taken."""


class MissingVariable(Exception):
    """Servers of one's own were announced, but a variable that names one is absent."""


@dataclass(frozen=True)
class Servers:
    """The three servers that the services use."""

    postgres: Postgres
    nats: Nats
    s3: S3


def variable(service: str, field: str) -> str:
    """Return the environment variable of a setting."""
    return f"STRONGROOM_{service.upper()}_{field.upper()}"


def listening(service: str, ports: Mapping[str, int], admin_key: str) -> dict[str, str]:
    """Return the settings of ``service`` that do not depend on any server."""
    settings = {"health_host": HOST, "health_port": str(ports[f"{service}.health"])}
    if service == "gateway":
        settings |= {"host": HOST, "port": str(ports["gateway"]), "admin_key": admin_key}
    return {variable(service, field): value for field, value in settings.items()}


def connections(service: str, servers: Servers) -> dict[str, str]:
    """Return the settings of ``service`` that name the embedded servers."""
    settings = {
        "database_url": servers.postgres.url(service),
        "nats_url": servers.nats.url(service),
    }
    if service in USES_STORE:
        settings["store_url"] = servers.s3.url()
    return {variable(service, field): value for field, value in settings.items()}


def environment(
    service: str, ports: Mapping[str, int], admin_key: str, servers: Servers | None
) -> dict[str, str]:
    """Return what ``service`` gets beside the user's own environment, which wins.

    Without ``servers`` the user's environment has to name them: raises ``MissingVariable``.
    """
    ours = listening(service, ports, admin_key)
    if servers is None:
        _demand_connections(service)
    else:
        ours |= connections(service, servers)
    return {name: value for name, value in ours.items() if not _is_given(name)}


def _demand_connections(service: str) -> None:
    fields = ["database_url", "nats_url"]
    if service in USES_STORE:
        fields.append("store_url")
    for field in fields:
        name = variable(service, field)
        if not _is_given(name):
            raise MissingVariable(f"{name}: is not set, and SERVICES_ONLY=1 starts no server")


def _is_given(name: str) -> bool:
    return name in os.environ or f"{name}_FILE" in os.environ
