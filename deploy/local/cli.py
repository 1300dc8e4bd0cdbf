"""``strongroom local …``, also ``python -m deploy.local …``: the embedded stack of a checkout."""

import os
import shlex
import signal
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, NoReturn

from cyclopts import App, Parameter
from rich.console import Console
from rich.prompt import Confirm

from deploy.local import control, screen
from deploy.local.credentials import POSTGRES_ROLES, SERVICES
from deploy.local.home import CHECKOUT, Home
from deploy.local.migrations import MigrationFailed
from deploy.local.run_file import read_run_file
from deploy.local.running import run as run_stack
from deploy.local.stack import Stack
from deploy.local.watching import Watch

Root = Annotated[Path, Parameter(name="--root")]

NOT_RUNNING = 3

app = App(name="local", help="Run and look after the embedded stack of this checkout.")


@contextmanager
def told_in_one_line() -> Iterator[None]:
    """End with exit code 1 and the reason when something cannot be done."""
    try:
        yield
    except (control.CannotDo, MigrationFailed) as error:
        print(f"strongroom: {error}", file=sys.stderr)
        sys.exit(1)


@app.command
def run(*, services_only: bool = False, servers_only: bool = False, root: Root = CHECKOUT) -> int:
    """Start everything, show it, and drain at Ctrl-C.

    Parameters
    ----------
    services_only
        Use the servers that STRONGROOM_<SERVICE>_DATABASE_URL, _NATS_URL and _STORE_URL name.
    servers_only
        Start PostgreSQL, NATS and S3, and no service.
    """
    return run_stack(root, () if servers_only else SERVICES, servers=not services_only)


@app.command
def status(*, root: Root = CHECKOUT) -> int:
    """Show every process of the running stack; exit code 3 when none runs."""
    home = Home.of(root)
    processes = control.processes(home)
    told = read_run_file(home)
    if not processes:
        print("not running")
        return NOT_RUNNING
    console = Console()
    rows = Watch(home, control.ports(home)).look(processes)
    console.print(screen.table(rows, console.width))
    if told:
        console.print(f"{told.url}", highlight=False)
    return 0


@app.command
@told_in_one_line()
def env(*, root: Root = CHECKOUT) -> int:
    """Print what a shell needs to reach the running stack: ``eval "$(strongroom local env)"``."""
    told = read_run_file(Home.of(root))
    if told is None:
        raise control.CannotDo("the stack of this checkout is not running")
    variables = {"STRONGROOM_URL": told.url, "STRONGROOM_API_KEY": told.admin_key}
    if told.nats is not None:
        variables["STRONGROOM_NATS_URL"] = told.nats.urls["subscriber"]
    for name, value in variables.items():
        print(f"export {name}={shlex.quote(value)}")
    return 0


@app.command
@told_in_one_line()
def kill(name: str, *, root: Root = CHECKOUT) -> int:
    """End one process with SIGKILL, as a crash would, to see it come back.

    Parameters
    ----------
    name
        As ``strongroom local status`` shows it.
    """
    pids = {process.name: process.pid for process in control.processes(Home.of(root))}
    pid = pids.get(name)
    if pid is None:
        raise control.CannotDo(f"{name} is not running; there are {', '.join(sorted(pids))}")
    os.kill(pid, signal.SIGKILL)
    print(f"killed {name}, process {pid}")
    return 0


@app.command
@told_in_one_line()
def stop(*, root: Root = CHECKOUT) -> int:
    """Drain and stop the stack, whoever started it; also ends what an unclean stop has left."""
    print(control.stop(Home.of(root)))
    return 0


@app.command
@told_in_one_line()
def reset(*, yes: bool = False, root: Root = CHECKOUT) -> int:
    """Delete all data, secrets and logs of the stopped stack.

    Parameters
    ----------
    yes
        Do not ask.
    """
    home = Home.of(root)
    if not home.path.exists():
        print(f"there is nothing in {home.path}")
        return 0
    if not yes and not Confirm.ask(f"Delete everything in {home.path}?", default=False):
        return 1
    control.reset(home)
    print(f"deleted {home.path}")
    return 0


@app.command
@told_in_one_line()
def psql(
    *arguments: Annotated[str, Parameter(allow_leading_hyphen=True)],
    role: Annotated[str, Parameter(name="--role")] = "postgres",
    root: Root = CHECKOUT,
) -> NoReturn:
    """Open psql on the running database; further arguments are psql's own.

    Parameters
    ----------
    role
        ``postgres``, or a service, which sees its own schema only.
    """
    postgres = Stack(root, ()).attach().servers.postgres
    if role not in POSTGRES_ROLES:
        raise control.CannotDo(f"there is no role {role!r}, only {', '.join(POSTGRES_ROLES)}")
    _become(postgres.psql_command(arguments), postgres.psql_environment(role))


@app.command
@told_in_one_line()
def logs(name: str | None = None, *, follow: bool = False, root: Root = CHECKOUT) -> NoReturn:
    """Print the end of the logs, of one process or of all.

    Parameters
    ----------
    name
        E.g. ``storage`` or ``postgres``.
    follow
        Go on printing what is added.
    """
    directory = Home.of(root).logs
    files = [directory / f"{name}.log"] if name else sorted(directory.glob("*.log"))
    if not files or not all(file.exists() for file in files):
        raise control.CannotDo(f"there is no log of {name or 'anything'} in {directory}")
    _become(["tail", "-n", "50", *(["-F"] if follow else []), *map(str, files)], os.environ)


def _become(command: list[str], environment: Mapping[str, str]) -> NoReturn:
    """Go on as another program, which gets the terminal and its signals."""
    os.execvpe(command[0], command, environment)  # noqa: S606 - no shell is wanted


@app.command
@told_in_one_line()
def migrate(*, root: Root = CHECKOUT) -> int:
    """Bring every service's schema up to date on the running database."""
    Stack(root).attach().migrate()
    return 0
