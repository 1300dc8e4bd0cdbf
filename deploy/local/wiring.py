"""How the services learn where everything is: the variables that each one is started with.

What the user's environment says wins, for every service and every setting.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote

from deploy.local.credentials import SERVICES
from deploy.local.ports import HOST
from deploy.local.servers.all import Servers

USES_STORE = ("gateway", "storage", "backup")
GATEWAY_PORT = 8450
"""Where the gateway listens unless the port is taken."""


class WrongVariable(Exception):
    """The user's environment cannot be followed; the text is one line that names the variable."""


def variable(service: str, field: str) -> str:
    """Return the environment variable of a setting."""
    return f"STRONGROOM_{service.upper()}_{field.upper()}"


def port_names() -> dict[str, str]:
    """Return the variable of every port that a service listens on, by the port's name."""
    health = {f"{service}.health": variable(service, "health_port") for service in SERVICES}
    return {"gateway": variable("gateway", "port"), **health}


def given_ports() -> dict[str, int]:
    """Return the ports that the user's environment fixes; raises ``WrongVariable``."""
    given: dict[str, int] = {}
    for name, source in port_names().items():
        value = os.environ.get(source)
        if value is None:
            continue
        if not value.isdigit() or not 0 < int(value) < 65_536:
            raise WrongVariable(f"{source}: {value!r} is not a port")
        given[name] = int(value)
    return given


def admin_key(generated: str) -> str:
    """Return the gateway's first API key: the user's, or the generated one."""
    name = variable("gateway", "admin_key")
    if name in os.environ:
        return os.environ[name]
    if f"{name}_FILE" in os.environ:
        try:
            return Path(os.environ[f"{name}_FILE"]).read_text(encoding="utf-8").strip()
        except OSError as error:
            raise WrongVariable(f"{name}_FILE: {error.strerror}") from None
    return generated


def environment(
    service: str,
    ports: Mapping[str, int],
    generated_key: str,
    servers: Servers | None,
    *,
    backups: Path,
    master_keys: str,
) -> dict[str, str]:
    """Return what ``service`` gets beside the user's own environment.

    Without ``servers`` the user's environment has to name them: raises ``WrongVariable``.
    """
    ours = _listening(service, ports, generated_key)
    if service == "backup":
        ours |= {
            "file_target_roots": str(backups),
            "default_target_url": f"file://{quote(str(backups / 'local'))}",
        }
    if service in USES_STORE:
        ours["master_keys"] = master_keys
    if servers is None:
        _demand_connections(service)
    else:
        ours |= _connections(service, servers)
    named = {variable(service, field): value for field, value in ours.items()}
    return {name: value for name, value in named.items() if not _is_given(name)}


def _listening(service: str, ports: Mapping[str, int], generated_key: str) -> dict[str, str]:
    settings = {"health_host": HOST, "health_port": str(ports[f"{service}.health"])}
    if service == "gateway":
        settings |= {"host": HOST, "port": str(ports["gateway"]), "admin_key": generated_key}
    return settings


def _connections(service: str, servers: Servers) -> dict[str, str]:
    settings = {
        "database_url": servers.postgres.url(service),
        "nats_url": servers.nats.url(service),
    }
    if service in USES_STORE:
        settings["store_url"] = servers.s3.url()
    if service == "storage":
        settings["nats_monitor_url"] = servers.nats.monitor_url
    if service == "gateway":
        settings["store_public_url"] = servers.s3.url()
    return settings


def _demand_connections(service: str) -> None:
    fields = ["database_url", "nats_url"]
    if service in USES_STORE:
        fields.append("store_url")
    for field in fields:
        name = variable(service, field)
        if not _is_given(name):
            raise WrongVariable(f"{name}: is not set, and with SERVICES_ONLY no server is started")


def _is_given(name: str) -> bool:
    return name in os.environ or f"{name}_FILE" in os.environ
