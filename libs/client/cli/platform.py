"""``login``, ``status`` and ``completion``: the command and its platform."""

import sys
from typing import Annotated, Any

from cyclopts import Parameter
from rich.prompt import Prompt

from libs.client.cli.connect import FOUND, Connect
from libs.client.cli.output import (
    AsJson,
    counted,
    messages,
    print_json,
    print_table,
    printable,
    say,
)
from libs.client.client import Client
from libs.client.connection import Connection, Profile, checked_url, config_path, write_profile
from libs.client.failures import ApiProblem, Usage
from libs.client.retries import NEVER


async def login(
    url: Annotated[str | None, Parameter(help="Address of the platform.")] = None,
    /,
    *,
    key: Annotated[str | None, Parameter(help="API key; else asked without showing it.")] = None,
    profile: Annotated[str, Parameter(help="The name to remember it by.")] = "default",
) -> None:
    """Remember a platform and its key, after trying them."""
    address = checked_url(url or _ask("Address of the platform"))
    secret = key or _ask("API key", password=True)
    connection = Connection(url=address, key=secret)
    async with Client(connection=connection, retries=NEVER) as client:
        async for _ in client.buckets.list(limit=1):
            break
    path = config_path()
    write_profile(path, profile, Profile(url=address, key=secret))
    say(f"{address} is profile {profile} in {path}")


async def status(*, json: AsJson = False, connect: Connect = FOUND) -> int:
    """Tell whether the platform is well, and which one it is; exit 0 only if all is well."""
    connection = connect.connection()
    async with Client(connection=connection, retries=NEVER) as client:
        try:
            health = await client.system.health()
        except ApiProblem as problem:
            health = {"status": "unavailable", **problem.fields}
        buckets = [bucket.name async for bucket in client.buckets.list()]
    if json:
        print_json([{"url": connection.url, "health": health, "buckets": len(buckets)}])
    else:
        say(f"{connection.url} ({connection.found_in}), {counted(len(buckets), 'bucket')}")
        print_table(("part", "state"), _parts(health))
    return 0 if health.get("status") == "ok" else 1


def _parts(health: dict[str, Any]) -> list[tuple[str, object]]:
    """Return every leaf of the health answer under its dotted name."""
    leaves: list[tuple[str, object]] = []
    for name, value in health.items():
        if isinstance(value, dict):
            leaves += [(f"{name}.{inner}", leaf) for inner, leaf in _parts(value)]
        else:
            leaves.append((name, value))
    return leaves


def _ask(question: str, *, password: bool = False) -> str:
    if not sys.stdin.isatty():
        raise Usage(f"{question}? Without a terminal say it as an option")
    return Prompt.ask(printable(question), console=messages(), password=password)
