"""``diff`` and ``blame``: what differs between two states, and who made it so."""

from collections import Counter
from typing import Annotated

from cyclopts import Parameter
from rich.text import Text

from libs.client.cli.connect import FOUND, Connect
from libs.client.cli.location import Place
from libs.client.cli.output import (
    AsJson,
    console,
    counted,
    human_size,
    print_json,
    print_table,
    printable,
    say,
    short,
    when,
)
from libs.client.cli.patches import print_patch
from libs.contracts.versioning import FileState, PathDifference, Touch

LETTERS = {"added": "A", "removed": "D", "changed": "M", "moved": "R"}
COLOURS = {"added": "green", "removed": "red", "changed": "yellow", "moved": "cyan"}


async def diff(
    place: Place,
    source: Annotated[
        str, Parameter(help="State before: branch, tag, commit or @time.")
    ] = "main~1",
    target: Annotated[str, Parameter(help="State after; `now` is the present.")] = "now",
    /,
    *,
    patch: Annotated[
        bool, Parameter(name=["--patch", "-p"], negative=(), help="Show changed lines, too.")
    ] = False,
    stat: Annotated[bool, Parameter(negative=(), help="Only how much it is.")] = False,
    staged: Annotated[
        bool, Parameter(negative=(), help="The state after is a branch with what is staged on it.")
    ] = False,
    limit: Annotated[
        int | None, Parameter(name=["--limit", "-n"], help="At most so many files.")
    ] = None,
    json: AsJson = False,
    connect: Connect = FOUND,
) -> None:
    """Compare two states of a bucket or below a prefix; of a file, line by line."""
    async with connect.client() as client:
        between = client.diffs.between(
            place.bucket, source, target, prefix=place.path, staged=staged, limit=limit
        )
        found = [one async for one in between if _is_meant(one, place.path)]
        if json:
            print_json(found)
        elif stat:
            _print_stat(found)
        elif patch or (place.path and not place.is_prefix):
            for one in found:
                _print_line(one)
                await print_patch(client, place.bucket, one, source, target, staged=staged)
        else:
            for one in found:
                _print_line(one)


async def blame(
    place: Place,
    /,
    *,
    ref: Annotated[str, Parameter(help="As of this branch, tag or commit.")] = "main",
    limit: Annotated[
        int | None, Parameter(name=["--limit", "-n"], help="At most so many files.")
    ] = None,
    json: AsJson = False,
    connect: Connect = FOUND,
) -> None:
    """Tell of every file which commit touched it last, and whose that was."""
    async with connect.client() as client:
        below = client.diffs.blame(place.bucket, ref, prefix=place.path, limit=limit)
        found = [one async for one in below]
    if json:
        print_json(found)
        return
    print_table(("commit", "when", "by", "path", "message"), map(_row, found))


def _is_meant(one: PathDifference, path: str) -> bool:
    """Tell whether a difference is of ``path``, or below it; ``a`` does not mean ``ab``."""
    if not path or path.endswith("/"):
        return True
    return one.path == path or one.path.startswith(f"{path}/")


def _print_line(one: PathDifference) -> None:
    name = f"{one.moved_from} → {one.path}" if one.moved_from else one.path
    note = " (type, metadata or tags)" if one.described else ""
    line = f"{LETTERS[one.kind]} {name}{note}"
    console().print(Text(printable(line), style=COLOURS[one.kind]))


def _print_stat(found: list[PathDifference]) -> None:
    kinds = Counter[str](one.kind for one in found)
    rows = [
        (LETTERS[one.kind], _size(one.before), _size(one.after), _growth(one), one.path)
        for one in found
    ]
    print_table(("", ">before", ">after", ">growth", "path"), rows)
    told = ", ".join(f"{kinds[kind]} {kind}" for kind in LETTERS if kinds[kind]) or "no difference"
    growth = sum(map(_grown, found))
    say(f"{counted(len(found), 'file')}: {told}; {_signed(growth)}")


def _size(state: FileState | None) -> str:

    return "" if state is None else human_size(state.size)


def _grown(one: PathDifference) -> int:
    return (one.after.size if one.after else 0) - (one.before.size if one.before else 0)


def _growth(one: PathDifference) -> str:
    return _signed(_grown(one))


def _signed(count: int) -> str:
    return f"{'-' if count < 0 else '+'}{human_size(abs(count))}"


def _row(one: Touch) -> tuple[object, ...]:
    title = one.message.partition("\n")[0]
    return (short(one.commit_id), when(one.committed_at), one.author or "", one.path, title)
