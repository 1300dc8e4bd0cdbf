"""Waiting until something answers, and saying what its log says when it does not."""

import socket
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from http.client import HTTPException

from deploy.local.home import Home
from deploy.local.ports import HOST

PAUSE_S = 0.05
LOG_TAIL_BYTES = 4_096


class NotReady(Exception):
    """A process did not become ready in time; the text ends with its last log lines."""


def wait_for(checks: Mapping[str, Callable[[], bool]], home: Home, *, within_s: float) -> None:
    """Return as soon as every check has held once; raises ``NotReady`` after ``within_s``."""
    deadline = time.monotonic() + within_s
    waiting = dict(checks)
    while waiting := {name: check for name, check in waiting.items() if not check()}:
        if time.monotonic() >= deadline:
            name = next(iter(waiting))
            said = "\n".join(f"  {line}" for line in last_lines(home, name, 8))
            raise NotReady(f"{name} is not ready after {within_s:.0f} s; its log ends:\n{said}")
        time.sleep(PAUSE_S)


def is_listening(port: int) -> bool:
    """Return whether something accepts connections on ``port``."""
    try:
        socket.create_connection((HOST, port), timeout=1).close()
    except OSError:
        return False
    return True


def answers_ready(port: int) -> bool:
    """Return whether ``/readyz`` on ``port`` answers 200."""
    try:
        with urllib.request.urlopen(f"http://{HOST}:{port}/readyz", timeout=2) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError, HTTPException):
        return False


def last_lines(home: Home, name: str, count: int) -> list[str]:
    """Return the last lines that ``name`` has logged."""
    try:
        with (home.logs / f"{name}.log").open("rb") as log:
            log.seek(0, 2)
            log.seek(max(0, log.tell() - LOG_TAIL_BYTES))
            text = log.read().decode(errors="replace")
    except FileNotFoundError:
        return []
    return [line for line in text.splitlines() if line.strip()][-count:]
