"""``rm``, ``cp`` and ``mv``: files go, or stand elsewhere. No bytes move."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

from cyclopts import Parameter
from rich.prompt import Confirm

from libs.client.changes import OnBatch
from libs.client.cli.bars import CountBar
from libs.client.cli.connect import FOUND, Connect
from libs.client.cli.location import Location, Place
from libs.client.cli.output import counted, messages, say
from libs.client.client import Client
from libs.client.failures import FileNotFound, Usage
from libs.client.trees import joined
from libs.contracts.storage import CopyPath, MovePath

Recursive = Annotated[
    bool, Parameter(name=["--recursive", "-r"], negative=(), help="Everything below a prefix.")
]
Message = Annotated[str, Parameter(name=["--message", "-m"], help="Why.")]


async def rm(
    place: Place,
    /,
    *,
    recursive: Recursive = False,
    yes: Annotated[
        bool, Parameter(name=["--yes", "-y"], negative=(), help="Do not ask before.")
    ] = False,
    connect: Connect = FOUND,
) -> None:
    """Delete a file, or with -r everything below a prefix; old versions stay readable."""
    async with connect.client() as client:
        if not recursive:
            _check_is_file(place)
            await client.files.delete(place.bucket, place.path)
            return
        paths = await _below(client, place)
        if not yes:
            confirm(f"Delete {counted(len(paths), 'file')} below {place}?")
        with _counting("delete", "deleted", files=len(paths)) as on_batch:
            await client.files.delete_many(place.bucket, paths, on_batch=on_batch)


async def cp(
    source: Place,
    to: Place,
    /,
    *,
    recursive: Recursive = False,
    message: Message = "",
    connect: Connect = FOUND,
) -> None:
    """Copy a file, or with -r everything below a prefix, within its bucket.

    What is at the destination is replaced; its versions stay readable.
    """
    async with connect.client() as client:
        placed = await _placed(client, source, to, recursive=recursive)
        copies = [CopyPath(source=old, path=new) for old, new in placed.items()]
        with _counting("copy", "copied", files=len(copies)) as on_batch:
            await client.files.change_many(
                source.bucket, copies, message=message, on_batch=on_batch
            )


async def mv(
    source: Place,
    to: Place,
    /,
    *,
    recursive: Recursive = False,
    message: Message = "",
    connect: Connect = FOUND,
) -> None:
    """Move a file, or with -r everything below a prefix, within its bucket.

    What is at the destination is replaced; its versions stay readable.
    """
    async with connect.client() as client:
        placed = await _placed(client, source, to, recursive=recursive)
        moves = [MovePath(source=old, path=new) for old, new in placed.items()]
        with _counting("move", "moved", files=len(moves)) as on_batch:
            await client.files.change_many(source.bucket, moves, message=message, on_batch=on_batch)


def confirm(question: str) -> None:
    """Ask before something that cannot be taken back lightly; raises ``Usage`` unless it is yes."""
    if not sys.stdin.isatty():
        raise Usage(f"{question} Without a terminal say --yes")
    if not Confirm.ask(question, console=messages(), default=False):
        raise Usage("nothing was done")


@contextmanager
def _counting(doing: str, done: str, *, files: int) -> Iterator[OnBatch]:
    """Draw how far it is; at the end, also an early one, say how far it came."""
    bar = CountBar(doing, files=files)
    try:
        with bar:
            yield bar.on_batch
    finally:
        if bar.files:
            say(f"{done} {counted(bar.files, 'file')}")


def _check_is_file(place: Location) -> None:
    if place.is_prefix:
        raise Usage(f"{place} is no file; -r means everything below it")


async def _below(client: Client, place: Location) -> list[str]:
    paths = [file.path async for file in client.files.list(place.bucket, place.below)]
    if not paths:
        raise FileNotFound(f"there is nothing below {place}")
    return paths


async def _placed(
    client: Client, source: Location, to: Location, *, recursive: bool
) -> dict[str, str]:
    """Return for each file that ``source`` means the path that it gets."""
    if source.bucket != to.bucket:
        raise Usage("a file stays in its bucket; get and put take it to another")
    if recursive:
        skipped = len(source.below)
        paths = await _below(client, source)
        placed = {path: joined(to.path, path[skipped:]) for path in paths}
    else:
        _check_is_file(source)
        name = source.path.rpartition("/")[2]
        placed = {source.path: joined(to.path, name) if to.is_prefix else to.path}
    # Batches are made one after another: a later one would find what an earlier one put there.
    for path in placed.values():
        if path in placed:
            raise Usage(f"{source.bucket}/{path} would be replaced by a file that goes with it")
    return placed
