"""``tus-js-client`` in a process of its own, as its users run it."""

import asyncio
import hashlib
import json
import os
import shutil
import socket
import subprocess
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from msgspec import Struct

from deploy.local.ports import HOST

SCRIPT = Path(__file__).parents[1] / "tus"
WITHIN_S = 60.0

Said = dict[str, Any]


class Client(Struct):
    """A running upload, and what it said."""

    process: Process
    said: list[Said]

    async def until(self, event: str, **more: int) -> Said:
        """Read on to an ``event`` with at least these numbers; fail when none comes."""
        async with asyncio.timeout(WITHIN_S):
            async for line in self._lines():
                reached = all(line.get(name, -1) >= least for name, least in more.items())
                if line["event"] == event and reached:
                    return line
        raise AssertionError(f"no {event} came: {self.said[-5:]}")

    async def kill(self) -> None:
        """End it as a crash would."""
        self.process.kill()
        await self.process.wait()

    def told(self, event: str) -> list[Said]:
        """Return everything of that kind that was said."""
        return [line for line in self.said if line["event"] == event]

    async def _lines(self) -> AsyncIterator[Said]:
        assert self.process.stdout is not None
        async for line in self.process.stdout:
            self.said.append(json.loads(line))
            yield self.said[-1]


class TusJs:
    """The installed client."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @asynccontextmanager
    async def uploading(self, **wanted: Any) -> AsyncIterator[Client]:
        """Run an upload; it is killed at the block's end if it still runs."""
        process = await asyncio.create_subprocess_exec(
            "node", "client.mjs", json.dumps(wanted), cwd=self._folder, stdout=PIPE
        )
        try:
            yield Client(process, [])
        finally:
            if process.returncode is None:
                process.kill()
            await process.wait()


def installed(folder: Path) -> TusJs:
    """Install what ``tests/tus/package-lock.json`` names, each by its hash; skip without npm."""
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        pytest.skip("node and npm are needed for tus-js-client")
    shutil.copytree(SCRIPT, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("*.md"))
    subprocess.run(
        [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"],
        cwd=folder,
        check=True,
        timeout=120,
    )
    return TusJs(folder)


def a_file(folder: Path, size: int) -> tuple[Path, bytes]:
    """Write a file of bytes that were never stored before."""
    body = os.urandom(size)
    path = folder / f"{hashlib.sha256(body).hexdigest()[:16]}.bin"
    path.write_bytes(body)
    return path, body


def free_port() -> int:
    """Return where one more gateway may listen."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port
