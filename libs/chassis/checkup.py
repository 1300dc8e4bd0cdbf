"""``python -m services.<name> doctor``: what an operator should know about every part.

A *checkup* is a function that returns findings; what it needs is bound by type, as to handlers.
Exit 0: all is well. 1: something should be looked at. 2: something is broken, or not there.
"""

import argparse
import asyncio
import contextlib
import sys
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any, Literal, get_type_hints

import asyncpg
import msgspec
from msgspec import Struct
from nats.errors import Error as NatsError

from libs.chassis.binding import bind
from libs.chassis.database import Connection, Database
from libs.chassis.migrate import OUR_OWN
from libs.chassis.service import Drains, Service, ServiceDefinition
from libs.chassis.settings import ServiceSettings
from libs.contracts.problems import Problem

Level = Literal["ok", "warn", "fail"]
LEVELS: tuple[Level, ...] = ("ok", "warn", "fail")

OPENING_TIMEOUT_S = 10.0
LATE_S = 60.0
"""An event that waits longer than this is worth a warning."""


class Finding(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is known of one part, and what to do about it unless it is well."""

    part: str
    level: Level
    says: str
    todo: str = ""


Checkup = Callable[..., Awaitable[list[Finding]]]


def exit_code(findings: Sequence[Finding]) -> int:
    """Return the worst level as a process says it."""
    return max((LEVELS.index(finding.level) for finding in findings), default=0)


async def doctor(
    arguments: argparse.Namespace, definition: ServiceDefinition, settings: ServiceSettings
) -> int:
    """Examine the service and print what was found; a part that is away is a finding, too."""
    findings = await examine(definition, settings)
    if arguments.json:
        sys.stdout.write(msgspec.json.encode(findings).decode() + "\n")
    else:
        for each in findings:
            todo = f"\n{'':6}→ {each.todo}" if each.todo else ""
            sys.stdout.write(f"{each.level:5} {each.part}: {each.says}{todo}\n")
    return exit_code(findings)


async def examine(definition: ServiceDefinition, settings: ServiceSettings) -> list[Finding]:
    """Open what can be opened, and run the checkups that need nothing else."""
    service: Service = definition.build(settings)
    findings: list[Finding] = []
    absent: list[object] = []
    async with contextlib.AsyncExitStack() as stack:
        for thing in service.opens:
            if isinstance(thing, Drains):
                continue
            said = await _said_by(_open(stack, thing))
            if isinstance(said, str):
                absent.append(thing)
                part = type(thing).__name__.lower()
                todo = "start it, or correct its address"
                findings.append(Finding(part=part, level="fail", says=said, todo=todo))
        for checkup in (examine_schema, *definition.checkups):
            if _needs_any_of(checkup, absent):
                continue
            said = await _said_by(bind(checkup, [definition, *service.given], own=0)())
            if isinstance(said, str):
                part = checkup.__name__.removeprefix("examine_").replace("_", " ")
                findings.append(Finding(part=part, level="fail", says=said))
            else:
                findings += said
    return findings


async def _open(
    stack: contextlib.AsyncExitStack, thing: contextlib.AbstractAsyncContextManager[Any]
) -> list[Finding]:
    async with asyncio.timeout(OPENING_TIMEOUT_S):
        await stack.enter_async_context(thing)
    return []


async def _said_by(asked: Awaitable[list[Finding]]) -> list[Finding] | str:
    """Return the findings, or how the part failed to give any."""
    try:
        return await asked
    except TimeoutError:
        return "does not answer"
    except (Problem, NatsError, asyncpg.PostgresError, OSError) as error:
        return str(error) or type(error).__name__


def _needs_any_of(checkup: Checkup, absent: Sequence[object]) -> bool:
    kinds = {kind for kind in get_type_hints(checkup).values() if isinstance(kind, type)}
    return any(type(thing) in kinds for thing in absent)


async def examine_schema(definition: ServiceDefinition, db: Database) -> list[Finding]:
    """Look at what every service has: migrations, outbox and dead letters."""
    async with db.connection() as conn:
        return [
            await _migrations(conn, definition),
            await _outbox(conn, definition.name),
            await _dead_letters(conn, definition.name),
        ]


async def _migrations(conn: Connection, definition: ServiceDefinition) -> Finding:
    part = f"{definition.name} migrations"
    pending: list[str] = []
    for table, folder in (
        ("chassis_migrations", OUR_OWN),
        ("schema_migrations", definition.migrations),
    ):
        rows = await conn.fetch(f"SELECT version FROM {table}")  # noqa: S608 - the names above
        done = {row["version"] for row in rows}
        pending += sorted(_versions(folder) - done)
    if not pending:
        return Finding(part=part, level="ok", says="all applied")
    return Finding(
        part=part,
        level="fail",
        says=f"pending: {', '.join(pending)}",
        todo=f"python -m services.{definition.name} migrate",
    )


def _versions(folder: Path) -> set[str]:
    return {file.name.partition("_")[0] for file in folder.glob("*.sql")}


async def _outbox(conn: Connection, name: str) -> Finding:
    row = await conn.fetchrow(
        """
        SELECT count(*) AS waiting,
            coalesce(extract(epoch FROM now() - min(created_at)), 0)::float8 AS oldest_s
        FROM outbox
        WHERE published_at IS NULL
        """
    )
    waiting, oldest_s = (0, 0.0) if row is None else (row["waiting"], row["oldest_s"])
    late = oldest_s > LATE_S
    return Finding(
        part=f"{name} outbox",
        level="warn" if late else "ok",
        says=f"{waiting:,} events wait, the oldest for {oldest_s:,.0f} s" if waiting else "empty",
        todo="see that the service runs and that NATS takes its events" if late else "",
    )


async def _dead_letters(conn: Connection, name: str) -> Finding:
    waiting = await conn.fetchval("SELECT count(*) FROM dead_letter WHERE redriven_at IS NULL")
    if not waiting:
        return Finding(part=f"{name} dead letters", level="ok", says="none")
    return Finding(
        part=f"{name} dead letters",
        level="warn",
        says=f"{waiting:,} events could not be applied",
        todo=f"python -m services.{name} dead-letters list, then redrive or drop them",
    )
