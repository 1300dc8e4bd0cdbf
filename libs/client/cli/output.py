"""What commands print: tables for people, JSON lines for programs, one line for a failure."""

import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any

import msgspec
from cyclopts import Parameter
from rich.console import Console
from rich.filesize import decimal
from rich.table import Table
from rich.text import Text

AsJson = Annotated[
    bool, Parameter(name="--json", negative=(), help="Print one JSON object a line.")
]
"""The option of everything that lists."""

PIPE_WIDTH = 10_000
"""Columns when no terminal limits them: nothing is folded in a pipe or a file."""


def console() -> Console:
    """Return the console for results."""
    return Console(
        highlight=False, soft_wrap=True, width=None if sys.stdout.isatty() else PIPE_WIDTH
    )


def messages() -> Console:
    """Return the console for everything that is no result: progress, questions, failures."""
    return Console(stderr=True, highlight=False, soft_wrap=True)


def say(text: str) -> None:
    """Print one line."""
    console().print(Text(printable(text)))


def tell(text: str, style: str = "") -> None:
    """Print one line beside the results."""
    messages().print(Text(printable(text), style=style))


def print_json(things: Iterable[Any]) -> None:
    """Print each as one line of JSON."""
    for thing in things:
        sys.stdout.write(msgspec.json.encode(thing).decode() + "\n")


def print_table(headings: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print rows in columns; a heading that begins with ``>`` is of a column of numbers."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in headings:
        justify = "right" if heading.startswith(">") else "left"
        table.add_column(heading.lstrip(">"), justify=justify, overflow="fold")  # type: ignore[arg-type]
    for row in rows:
        table.add_row(*(Text(printable(str(cell))) for cell in row))
    out = console()
    with out.capture() as drawn:
        out.print(table)
    for line in drawn.get().splitlines():
        sys.stdout.write(line.rstrip() + "\n")


def printable(text: str, keep: str = "") -> str:
    """Return ``text`` without what a terminal would obey: names come from strangers."""
    return "".join(
        each if each.isprintable() or each in keep else "\N{REPLACEMENT CHARACTER}" for each in text
    )


def human_size(count: int) -> str:
    """Return a number of bytes for people."""
    return decimal(count)


def counted(count: int, noun: str) -> str:
    """Return ``1 file`` or ``2 files``."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def when(moment: datetime | None) -> str:
    """Return a moment in local time, without what nobody reads."""
    return "" if moment is None else moment.astimezone().strftime("%Y-%m-%d %H:%M:%S")


def short(digest: str | None) -> str:
    """Return as much of a digest as names it among its like."""
    return "" if digest is None else digest[:12]


def lasted(since: datetime | None, until: datetime | None) -> str:
    """Return how long something took or has taken."""
    if since is None:
        return ""
    seconds = ((until or datetime.now(UTC)) - since).total_seconds()
    if seconds < 60:
        return f"{max(0.0, seconds):.1f} s"
    minutes, rest = divmod(int(seconds), 60)
    return (
        f"{minutes} min {rest:02d} s"
        if minutes < 60
        else f"{minutes // 60} h {minutes % 60:02d} min"
    )
