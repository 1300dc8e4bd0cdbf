"""``python -m services.<name>``: serve, migrate, look at dead letters, and the service's own.

Exit 0: done. 1: the command's own "no", or it failed. 2: wrong use or configuration. 3: it could
not be done, as a server that it needs was not reached or refused.
"""

import argparse
import asyncio
import contextlib
import inspect
import logging
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, NoReturn

import asyncpg
import uvloop
from nats.errors import Error as NatsError

from libs.chassis import dead_letter_commands, telemetry
from libs.chassis.binding import bind
from libs.chassis.checkup import doctor
from libs.chassis.migrate import MigrationFailed, migrate
from libs.chassis.service import Command, Drains, Service, ServiceDefinition, serve
from libs.chassis.settings import ServiceSettings, WrongSettings, load
from libs.contracts.problems import Problem, ServiceUnavailable

FAILED, MISUSED, NO_SERVER = 1, 2, 3
EXIT_CODES = "exit: 0 done; 1 the answer is no, or it failed; 2 wrong use; 3 a server is missing"
OPENING_TIMEOUT_S = 10.0
"""A service waits for NATS as long as it takes; an operator at a terminal does not."""

log = logging.getLogger(__name__)


def main(definition: ServiceDefinition, argv: Sequence[str] | None = None) -> NoReturn:
    """Do what the command line says and leave with one of the exit codes above."""
    arguments = _parser(definition).parse_args(argv)
    try:
        settings = load(definition.settings, definition.name)
    except WrongSettings as error:
        _say(definition, str(error))
        sys.exit(MISUSED)
    sys.exit(_do(definition, settings, arguments))


def _do(
    definition: ServiceDefinition, settings: ServiceSettings, arguments: argparse.Namespace
) -> int:
    try:
        match arguments.command:
            case "serve":
                uvloop.run(serve(definition.name, settings, definition.build(settings)))
                return 0
            case "migrate":
                migrate(settings.database_url, definition.name, definition.migrations)
                return 0
            case "doctor":
                return uvloop.run(_examine(definition, settings, arguments))
            case "dead-letters":
                command: Command = dead_letter_commands.COMMANDS[arguments.action]
            case own:
                command = {_command_name(c): c for c in definition.commands}[own]
        return uvloop.run(_run(definition, settings, command, arguments))
    except WrongSettings as error:
        _say(definition, str(error))
        return MISUSED
    except (ServiceUnavailable, NatsError, asyncpg.PostgresError, OSError) as error:
        _say(definition, str(error) or type(error).__name__)
        return NO_SERVER
    except (MigrationFailed, Problem) as error:
        _say(definition, str(error))
        return FAILED


async def _examine(
    definition: ServiceDefinition, settings: ServiceSettings, arguments: argparse.Namespace
) -> int:
    """Run ``doctor``, which opens what it can by itself: a server that is away is a finding."""
    telemetry.set_up(definition.name, settings)
    logging.getLogger().setLevel(logging.ERROR)
    return await doctor(arguments, definition, settings)


async def _run(
    definition: ServiceDefinition,
    settings: ServiceSettings,
    command: Command,
    arguments: argparse.Namespace,
) -> int:
    """Run an operator's command beside the running service: opened like it, but not serving."""
    telemetry.set_up(definition.name, settings)
    logging.getLogger().setLevel(logging.WARNING)
    service: Service = definition.build(settings)
    async with opened(service.opens, within_s=OPENING_TIMEOUT_S):
        bound = bind(command, [arguments, *service.given], own=0)
        result: int = await bound()
        return result


@contextlib.asynccontextmanager
async def opened(
    things: Sequence[AbstractAsyncContextManager[Any]], *, within_s: float
) -> AsyncIterator[None]:
    """Open in order what a command may use; raises ``ServiceUnavailable`` when it takes longer.

    What drains takes work as soon as it is open, so it stays closed.
    """
    async with contextlib.AsyncExitStack() as stack:
        for thing in things:
            if isinstance(thing, Drains):
                continue
            try:
                async with asyncio.timeout(within_s):
                    await stack.enter_async_context(thing)
            except TimeoutError:
                what = type(thing).__name__.lower()
                raise ServiceUnavailable(f"the {what} does not answer") from None
        yield


def _parser(definition: ServiceDefinition) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=f"python -m services.{definition.name}",
        description=f"The {definition.name} service and its operator's commands.",
        epilog=EXIT_CODES,
    )
    commands = parser.add_subparsers(dest="command")
    parser.set_defaults(command="serve")
    commands.add_parser("serve", help="run the service (the default)")
    commands.add_parser("migrate", help="bring the service's schema up to date")
    checkup = commands.add_parser(
        "doctor", help="say how every part is: exit 0 well, 1 worth a look, 2 broken"
    )
    checkup.add_argument("--json", action="store_true", help="print one JSON list of findings")
    letters = commands.add_parser("dead-letters", help="events that could not be applied")
    actions = letters.add_subparsers(dest="action", required=True)
    for name, command in dead_letter_commands.COMMANDS.items():
        action = actions.add_parser(name, help=inspect.getdoc(command))
        if name != "list":
            action.add_argument("dead_letter_id", help="as `list` shows it, or `all`")
    for command in definition.commands:
        own = commands.add_parser(_command_name(command), help=_first_line(command))
        for argument in getattr(command, "__arguments__", ()):
            own.add_argument(*argument.names, **argument.options)
    return parser


def _command_name(command: Command) -> str:
    return command.__name__.replace("_", "-")


def _first_line(command: Command) -> str:
    return (inspect.getdoc(command) or "").split("\n", 1)[0]


def _say(definition: ServiceDefinition, text: str) -> None:
    sys.stderr.write(f"strongroom {definition.name}: {text}\n")
