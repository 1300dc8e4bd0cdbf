"""What an unclean stop left running: found by the mark in its environment, and ended."""

import os
import signal
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil

from deploy.local.credentials import Secrets
from deploy.local.home import Home

MARK = "STRONGROOM_LOCAL_STACK"


def mark(home: Home, secrets: Secrets) -> str:
    """Return the value of ``MARK`` that every process of this stack inherits.

    The id alone would match a copy of the checkout, the path alone a checkout in a container.
    """
    return f"{secrets.stack_id}:{home.path}"


def find(home: Home, secrets: Secrets) -> list[psutil.Process]:
    """Return the living processes of this stack, whoever started them."""
    wanted = mark(home, secrets)
    data = home.postgres.resolve() / "data"
    return [p for p in _others() if _belongs(p, wanted) or _has_open(p, data)]


def end(home: Home, secrets: Secrets, *, within_s: float = 6.0) -> int:
    """End every process of this stack and return how many there were.

    The supervisor goes first, or it would start again what is ended here.
    """
    found = find(home, secrets)
    for process in found:
        with suppress(psutil.Error):
            if "supervisord" in " ".join(process.cmdline()):
                process.kill()
    for process in found:
        with suppress(psutil.Error):
            # PostgreSQL takes SIGINT for "now, but properly" and SIGTERM for "when all have gone".
            process.send_signal(_polite_signal(process))
    _, alive = psutil.wait_procs(found, timeout=within_s)
    for process in {*alive, *find(home, secrets)}:
        with suppress(psutil.Error):
            process.kill()
    psutil.wait_procs(alive, timeout=5)
    return len(found)


def _polite_signal(process: psutil.Process) -> signal.Signals:
    return signal.SIGINT if process.name().startswith("postgres") else signal.SIGTERM


def _others() -> Iterator[psutil.Process]:
    own = os.getpid()
    return (process for process in psutil.process_iter() if process.pid != own)


def _belongs(process: psutil.Process, wanted: str) -> bool:
    try:
        return bool(process.environ().get(MARK) == wanted)
    except (psutil.Error, OSError):
        return False  # gone by now, or another user's


def _has_open(process: psutil.Process, data: Path) -> bool:
    """Return whether this is a PostgreSQL process of ``data``; its title overwrites its mark."""
    try:
        return process.name().startswith("postgres") and process.cwd() == str(data)
    except (psutil.Error, OSError):
        return False
