"""``login``, ``status`` and ``completion``: the command and its platform."""

import sys
from typing import Annotated

from cyclopts import Parameter
from rich.prompt import Prompt

from libs.client.cli.connect import FOUND, Connect
from libs.client.cli.output import (
    AsJson,
    messages,
    print_json,
    print_table,
    printable,
    say,
)
from libs.client.client import Client
from libs.client.connection import Connection, Profile, checked_url, config_path, write_profile
from libs.client.failures import Usage
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
    """Tell which platform this is and how its parts are; exit 0 only if all is well."""
    connection = connect.connection()
    async with Client(connection=connection, retries=NEVER) as client:
        health = await client.system.health()
        info = await client.system.info()
    if json:
        print_json([{"url": connection.url, "version": info.version, "health": health}])
    else:
        say(f"{connection.url} ({connection.found_in}), version {info.version}: {health.status}")
        print_table(("part", "state"), sorted(health.parts.items()))
    return 0 if health.status == "ok" else 1


def _ask(question: str, *, password: bool = False) -> str:
    if not sys.stdin.isatty():
        raise Usage(f"{question}? Without a terminal say it as an option")
    return Prompt.ask(printable(question), console=messages(), password=password)
