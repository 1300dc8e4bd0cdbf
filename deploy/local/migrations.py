"""Each service brings its own schema up to date before it starts, all of them at once."""

import hashlib
import os
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping

import msgspec

from deploy.local.home import CHECKOUT, Home, write_private

ROOMS = (CHECKOUT / "services", CHECKOUT / "libs" / "chassis")


class MigrationFailed(Exception):
    """A service could not bring its schema up to date; the text says what it printed."""


def service_command(service: str, *arguments: str) -> tuple[str, ...]:
    """Return the command line of a service."""
    return (sys.executable, "-m", f"services.{service}", *arguments)


def migrate(
    home: Home, services: Iterable[str], environment: Callable[[str], Mapping[str, str]]
) -> None:
    """Migrate every service whose migrations are not those of the last time.

    The note of the last time lies beside the data: who deletes the data deletes the note.
    """
    note = home.postgres.resolve() / "migrated.json"
    done = _read(note) if home.postgres.exists() else {}
    wanted = {service: _fingerprint(service) for service in services}
    due = [service for service, state in wanted.items() if done.get(service) != state]
    running = {service: _begin(service, environment(service)) for service in due}
    failures = [text for service, child in running.items() if (text := _finish(service, child))]
    if failures:
        raise MigrationFailed("\n".join(failures))
    if due and home.postgres.exists():
        write_private(note, msgspec.json.encode({**done, **wanted}))


def _begin(service: str, environment: Mapping[str, str]) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        service_command(service, "migrate"),
        cwd=CHECKOUT,
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def _finish(service: str, child: "subprocess.Popen[str]") -> str | None:
    said, _ = child.communicate()
    if child.returncode == 0:
        return None
    return f"{service} could not migrate:\n{said.strip()[-2_000:]}"


def _fingerprint(service: str) -> str:
    """Return what changes when a migration of the service, or of all services, changes."""
    services, chassis = ROOMS
    digest = hashlib.sha256()
    for directory in (services / service / "migrations", chassis / "migrations"):
        for file in sorted(directory.glob("*.sql")):
            digest.update(os.fsencode(file.name) + b"\0" + file.read_bytes())
    return digest.hexdigest()


def _read(note: "os.PathLike[str]") -> dict[str, str]:
    try:
        with open(note, "rb") as file:  # noqa: PTH123 - any path-like
            return msgspec.json.decode(file.read(), type=dict[str, str])
    except (FileNotFoundError, msgspec.DecodeError):
        return {}
