"""Processes of services that a test starts itself, beside the supervised ones."""

import asyncio
import os
import signal
import socket
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from deploy.local import leftovers
from deploy.local.home import CHECKOUT
from deploy.local.migrations import service_command
from deploy.local.ports import HOST
from deploy.local.readiness import answers_ready
from tests.platform import Platform
from tests.waiting import eventually

STOPS_WITHIN_S = 25.0
DIES_WITHIN_S = 20.0


def environment(platform: Platform, service: str) -> dict[str, str]:
    """Return what a process of ``service`` needs, and the mark by which the stack ends it."""
    stack = platform.stack
    mark = leftovers.mark(stack.home, stack.secrets)
    return {**os.environ, **stack.env(service), leftovers.MARK: mark}


@asynccontextmanager
async def started(
    platform: Platform, service: str, settings: Mapping[str, str]
) -> AsyncIterator[tuple[Process, int]]:
    """Run one more process of ``service`` with ``settings``; yields it and its health port."""
    port = free_port()
    variables = {**environment(platform, service), **settings}
    variables[f"STRONGROOM_{service.upper()}_HEALTH_PORT"] = str(port)
    with (platform.stack.home.logs / f"{service}-{port}.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            *service_command(service), cwd=CHECKOUT, env=variables, stdout=log, stderr=log
        )
    try:

        async def ready_or_gone() -> bool:
            gone = process.returncode is not None
            return gone or await asyncio.to_thread(answers_ready, port)

        await eventually(ready_or_gone, timeout_s=20)
        yield process, port
    finally:
        if process.returncode is None:
            process.terminate()
        await asyncio.wait_for(process.wait(), STOPS_WITHIN_S)


@asynccontextmanager
async def dying(
    platform: Platform, service: str, point: str, settings: Mapping[str, str] | None = None
) -> AsyncIterator[Process]:
    """Have ``service`` run until it dies at its crash point, which ends the block; yields it.

    It runs with ``settings`` added. The process takes the place of the supervised one, which comes
    back when it is dead: meanwhile there is no other, and it dies once.
    """
    stack = platform.stack
    await asyncio.to_thread(stack.halt, service)
    variables = {"STRONGROOM_CRASHPOINT": point, **(settings or {})}
    async with started(platform, service, variables) as (process, _):
        yield process
        died = await asyncio.wait_for(process.wait(), DIES_WITHIN_S)
    await asyncio.to_thread(stack.resume, service)
    assert died == -signal.SIGKILL, f"{service} ended with {died} instead of dying at {point}"


async def operate(platform: Platform, service: str, *arguments: str) -> tuple[int, str]:
    """Run an operator's command beside the running service; return its exit code and words."""
    process = await asyncio.create_subprocess_exec(
        *service_command(service, *arguments),
        cwd=CHECKOUT,
        env=environment(platform, service),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate()
    return process.returncode or 0, said.decode()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port
