"""What ``make run`` shows: one live line per process, or plain lines when nobody watches."""

import threading
from collections.abc import Callable, Sequence

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from deploy.local.run_file import RunFile
from deploy.local.watching import Row

REFRESH_S = 1.0
COLOURS = {"running": "green", "starting": "yellow", "stopping": "yellow", "stopped": "dim"}

Look = Callable[[], Sequence[Row]]


def welcome(told: RunFile) -> str:
    """Return the address, the admin key, and three commands to try."""
    api = f"{told.url}/api/v1"
    auth = '-H "$KEY"'
    return f"""
Strongroom answers on {told.url}
Admin key: {told.admin_key}

Try:
  KEY='Authorization: Bearer {told.admin_key}'
  curl {auth} {api}/buckets --json '{{"name": "hello"}}'
  curl {auth} -T README.md {api}/buckets/hello/files/README.md
  curl {auth} {api}/buckets/hello/files/README.md
"""


def servers_told(told: RunFile) -> str:
    """Return the addresses of the servers, when no service runs."""
    assert told.postgres is not None  # noqa: S101 - servers without services are always ours
    assert told.nats is not None  # noqa: S101
    assert told.s3 is not None  # noqa: S101
    return f"""
PostgreSQL: {told.postgres.superuser_url}
NATS:       {told.nats.urls["admin"]}
S3:         {told.s3.url}
"""


def table(rows: Sequence[Row], width: int) -> Table:
    """Return the processes as a table of ``width`` columns."""
    drawn = Table(box=None, pad_edge=False, width=width)
    for name in ("process", "state"):
        drawn.add_column(name, no_wrap=True)
    for name in ("pid", "port", "memory", "up", "restarts"):
        drawn.add_column(name, justify="right", no_wrap=True)
    drawn.add_column("last line of its log", no_wrap=True, overflow="ellipsis", ratio=1)
    for row in rows:
        drawn.add_row(
            row.name,
            Text(row.state, style=COLOURS.get(row.state, "red")),
            str(row.pid or "-"),
            str(row.port or "-"),
            megabytes(row.memory_bytes),
            duration(row.uptime_s),
            str(row.restarts),
            Text(row.last_line, style="dim"),
        )
    return drawn


def megabytes(size: int) -> str:
    return f"{size / 1_000_000:.0f} MB"


def duration(seconds: float) -> str:
    """Return e.g. ``42s``, ``3m07s`` or ``5h12m``."""
    whole = int(seconds)
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m{whole % 60:02}s"
    return f"{whole // 3600}h{whole % 3600 // 60:02}m"


def watch_live(console: Console, look: Look, stopped: threading.Event) -> None:
    """Show the table until ``stopped``, renewed every second."""
    with Live(console=console, auto_refresh=False) as live:
        while not stopped.is_set():
            rows = look()
            total = megabytes(sum(row.memory_bytes for row in rows))
            note = Text(f"{total} in all. Ctrl-C drains and stops everything.", style="dim")
            live.update(Group(table(rows, console.width), note), refresh=True)
            stopped.wait(REFRESH_S)


def watch_plainly(look: Look, stopped: threading.Event) -> None:
    """Print a line whenever a process changes its state or comes back with another pid."""
    known: dict[str, tuple[str, int | None]] = {}
    while not stopped.is_set():
        for row in look():
            now = (row.state, row.pid)
            if known.get(row.name) != now:
                known[row.name] = now
                print(_plain(row), flush=True)
        stopped.wait(REFRESH_S)


def _plain(row: Row) -> str:
    where = f" port {row.port}" if row.port else ""
    return f"{row.name}: {row.state}, pid {row.pid or '-'}{where}, restarts {row.restarts}"
