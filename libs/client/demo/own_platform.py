"""The running platform, or one that runs just for the demonstration."""

import asyncio
import signal
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import IO

from libs.client.cli.connect import Connect
from libs.client.cli.output import say, tell
from libs.client.client import Client
from libs.client.connection import RUN_FILE, Connection, read_run_file
from libs.client.failures import ApiProblem, ClientFailure, NoPlatform, Unreachable
from libs.client.retries import NEVER

CHECKOUT = Path(__file__).resolve().parents[3]
COMMAND = (sys.executable, "-m", "deploy.local", "run")
START_S = 180.0
STOP_S = 60.0


@asynccontextmanager
async def a_platform(connect: Connect) -> AsyncIterator[Connection]:
    """Yield the connection to the platform that is meant or runs; else to one of its own."""
    running = await _running(connect)
    if running is not None:
        say(f"the platform at {running.url} ({running.found_in})")
        yield running
        return
    tell("no platform runs here: starting one …")
    with tempfile.TemporaryFile() as output:
        process = await asyncio.create_subprocess_exec(
            *COMMAND,
            cwd=CHECKOUT,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,  # Ctrl-C is for us; we stop it when we are done
        )
        try:
            connection = await _until_it_answers(process, output)
            say(f"a platform of its own at {connection.url}")
            yield connection
        finally:
            await _stop(process)


async def _running(connect: Connect) -> Connection | None:
    """Return the connection that is known if somebody answers there.

    One that was only left in a run file by an unclean stop counts as none.
    """
    try:
        connection = connect.connection()
    except NoPlatform:
        return None
    if connection.found_in.endswith(str(RUN_FILE)) and not await _answers(connection):
        return None
    return connection


async def _answers(connection: Connection) -> bool:
    async with Client(connection=connection, retries=NEVER) as client:
        try:
            async for _ in client.buckets.list(limit=1):
                break
        except (ApiProblem, Unreachable):
            return False  # nobody, somebody else's, or not ready yet
    return True


async def _until_it_answers(process: asyncio.subprocess.Process, output: IO[bytes]) -> Connection:
    """Return the connection to the platform that ``process`` is starting."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + START_S
    while process.returncode is None and loop.time() < deadline:
        await asyncio.sleep(0.2)
        try:
            connection = read_run_file(CHECKOUT / RUN_FILE)
        except NoPlatform:
            continue
        if await _answers(connection):
            return connection
    raise ClientFailure(f"the platform did not start: {_last_line(output)}")


async def _stop(process: asyncio.subprocess.Process) -> None:
    if process.returncode is not None:
        return
    tell("stopping it …")
    process.send_signal(signal.SIGINT)
    try:
        await asyncio.wait_for(process.wait(), STOP_S)
    except TimeoutError:
        process.kill()
        await process.wait()


def _last_line(output: IO[bytes]) -> str:
    output.seek(0)
    lines = output.read().decode(errors="replace").strip().splitlines()
    return lines[-1] if lines else "it said nothing"
