"""What is done to a stack from outside the process that runs it."""

import fcntl
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager

from deploy.local import leftovers
from deploy.local.credentials import load_secrets
from deploy.local.home import Home
from deploy.local.ports import remembered_ports
from deploy.local.run_file import remove_run_file
from deploy.local.supervisor import Process, Supervisor, SupervisorGone

STOP_WITHIN_S = 90.0


class CannotDo(Exception):
    """The stack is not in a state in which this can be done."""


class Locked(Exception):
    """A process runs the stack; the text is its pid."""


@contextmanager
def locked(home: Home) -> Iterator[None]:
    """Be the only one who touches the stack inside the block; raises ``Locked``."""
    lock = take_lock(home)
    try:
        yield
    finally:
        os.close(lock)


def take_lock(home: Home) -> int:
    """Return the descriptor of the held lock, which ends with its process; raises ``Locked``."""
    lock = os.open(home.lock_file, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        owner = os.read(lock, 20).decode().strip()
        os.close(lock)
        raise Locked(owner) from None
    os.ftruncate(lock, 0)
    os.pwrite(lock, f"{os.getpid()}\n".encode(), 0)
    return lock


def processes(home: Home) -> list[Process]:
    """Return the processes of the running stack; none when it does not run."""
    try:
        return Supervisor(home).processes()
    except SupervisorGone:
        return []


def ports(home: Home) -> dict[str, int]:
    """Return the ports of the last start."""
    return remembered_ports(home)


def stop(home: Home) -> str:
    """Stop the stack and say what was stopped; returns when no process is left."""
    if not home.run.exists():
        return "not running"
    deadline = time.monotonic() + STOP_WITHIN_S
    asked: set[str] = set()
    while time.monotonic() < deadline:
        try:
            with locked(home):
                ended = _clean(home)
        except Locked as error:
            _ask_once(str(error), asked)
            time.sleep(0.1)
        else:
            return "stopped" if asked or ended else "not running"
    raise CannotDo(f"process {', '.join(asked)} does not stop: see {home.logs}")


def _ask_once(owner: str, asked: set[str]) -> None:
    """Send SIGTERM to the process that holds the lock; it drains the stack."""
    if owner.isdigit() and owner not in asked:
        asked.add(owner)
        os.kill(int(owner), signal.SIGTERM)


def _clean(home: Home) -> int:
    ended = leftovers.end(home, load_secrets(home))
    remove_run_file(home)
    return ended


def reset(home: Home) -> None:
    """Delete the stopped stack's data, secrets and logs."""
    home.prepare()
    try:
        with locked(home):
            _clean(home)
            home.delete()
    except Locked as error:
        raise CannotDo(f"it is run by process {error}: stop it first") from None
