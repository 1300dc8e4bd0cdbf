"""The `strongroom` command as a process."""

import asyncio
import json
import signal
import sys
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

CHECKOUT = Path(__file__).parents[3]


@dataclass
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str

    def json(self) -> list[Any]:
        return [json.loads(line) for line in self.out.splitlines()]


@dataclass
class Command:
    """The command as a user of one platform runs it, in a directory of their own."""

    directory: Path
    environment: dict[str, str]

    async def start(self, *words: str) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "libs.client.cli",
            *words,
            cwd=self.directory,
            env=self.environment,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            # Tests that run in the background ignore Ctrl-C, and so would their children.
            preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),
        )

    async def __call__(self, *words: str, stdin: bytes = b"") -> Ended:
        process = await self.start(*words)
        out, err = await process.communicate(stdin)
        assert process.returncode is not None
        return Ended(process.returncode, out.decode(), err.decode())

    async def ok(self, *words: str, stdin: bytes = b"") -> Ended:
        ended = await self(*words, stdin=stdin)
        assert ended.code == 0, ended.err
        return ended
