"""``python -m deploy.local`` in a process of its own, as people run it."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from deploy.local.home import CHECKOUT, Home
from deploy.local.run_file import RunFile, read_run_file


@dataclass(frozen=True)
class Run:
    """A running ``deploy.local run``."""

    child: "subprocess.Popen[str]"
    home: Home

    @property
    def told(self) -> RunFile:
        """What its ``run.json`` says."""
        found = read_run_file(self.home)
        assert found is not None
        return found

    def end(self, with_signal: signal.Signals = signal.SIGTERM) -> tuple[int, str]:
        """Send a signal; return the exit code and all that was printed."""
        self.child.send_signal(with_signal)
        printed, _ = self.child.communicate(timeout=60)
        return self.child.returncode, printed


@contextmanager
def running(
    root: Path, *, python: Sequence[str] = (sys.executable,), path: Sequence[Path] = (CHECKOUT,)
) -> Iterator[Run]:
    """Run the servers of ``root``; the block begins when they are ready."""
    child = subprocess.Popen(
        [*python, "-m", "deploy.local", "run", "--servers-only", "--root", str(root)],
        cwd=root,  # works from any directory
        env={**os.environ, "PYTHONPATH": os.pathsep.join(map(str, path))},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    run = Run(child, Home.of(root))
    try:
        _wait_until_ready(run)
        yield run
    finally:
        if child.poll() is None:
            run.end()


def _wait_until_ready(run: Run) -> None:
    deadline = time.monotonic() + 60
    while not run.home.run_file.exists():
        if run.child.poll() is not None or time.monotonic() > deadline:
            run.child.kill()
            raise AssertionError(f"it did not start: {run.child.communicate()[0]}")
        time.sleep(0.05)


def local(command: str, root: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Do ``strongroom local <command>`` for the stack of ``root``."""
    return subprocess.run(
        [sys.executable, "-m", "deploy.local", command, "--root", str(root), *arguments],
        cwd=CHECKOUT,
        check=False,
        capture_output=True,
        text=True,
        timeout=90,
    )
