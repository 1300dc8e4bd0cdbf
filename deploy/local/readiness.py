"""Waiting until something answers, and saying what its log says when it does not."""

import time
import urllib.error
import urllib.request
from collections.abc import Callable
from http.client import HTTPException

from deploy.local.home import Home
from deploy.local.ports import HOST

PAUSE_S = 0.05
LOG_TAIL_BYTES = 4_096


class NotReady(Exception):
    """A process did not become ready in time; the text ends with its last log lines."""


def wait_until(check: Callable[[], bool], name: str, home: Home, *, within_s: float) -> None:
    """Return as soon as ``check`` holds; raises ``NotReady`` after ``within_s``."""
    deadline = time.monotonic() + within_s
    while not check():
        if time.monotonic() >= deadline:
            said = "\n".join(f"  {line}" for line in last_lines(home, name, 8))
            raise NotReady(f"{name} is not ready after {within_s:.0f} s; its log ends:\n{said}")
        time.sleep(PAUSE_S)


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
