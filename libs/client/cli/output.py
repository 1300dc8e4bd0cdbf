"""What commands print: tables for people, JSON lines for programs, one line for a failure."""

import re
import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any

import msgspec
from cyclopts import Parameter
from rich.cells import cell_len
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

GAP = 2
LEAST_FOLDED = 16
_KEY = re.compile(r"\b(key:[0-9a-f]{8})-[0-9a-f]{4}-[0-9a-f-]+")
"""A key's id begins like no other of a platform; where there is room it is shown whole."""


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


def print_table(
    headings: Sequence[str], rows: Iterable[Sequence[object]], width: int | None = None
) -> None:
    """Print rows in columns, for a terminal of ``width`` columns, else for the one that is there.

    A heading that begins with ``>`` is of a column of numbers.
    """
    cells = [[str(cell) for cell in row] for row in rows]
    table = _table(headings, cells, width or console().width)
    unlimited = Console(highlight=False, width=PIPE_WIDTH)
    with unlimited.capture() as drawn:
        unlimited.print(table)
    for line in drawn.get().splitlines():
        sys.stdout.write(line.rstrip() + "\n")


def _table(headings: Sequence[str], rows: Sequence[Sequence[str]], width: int) -> Table:
    """Return the table; only its last column is folded, and only where that leaves it readable.

    What does not fit even so goes on in the terminal's next line: a date or an id in pieces
    can be neither read nor copied.
    """
    if _width(headings, rows) > width:
        rows = [[_KEY.sub(r"\1", cell) for cell in row] for row in rows]
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in headings:
        justify = "right" if heading.startswith(">") else "left"
        table.add_column(heading.lstrip(">"), justify=justify, no_wrap=True)  # type: ignore[arg-type]
    left = width - _width(headings[:-1], [row[:-1] for row in rows]) - GAP
    if left >= LEAST_FOLDED:
        table.columns[-1].no_wrap = False
        table.columns[-1].overflow = "fold"
        table.columns[-1].max_width = left
    for row in rows:
        table.add_row(*(Text(printable(cell)) for cell in row))
    return table


def _width(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> int:
    """Return how many columns of a terminal the table takes, unfolded."""
    columns = zip(*([[heading.lstrip(">") for heading in headings], *rows]), strict=True)
    widest = [max(map(cell_len, column)) for column in columns]
    return sum(widest) + GAP * (len(widest) - 1)


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
