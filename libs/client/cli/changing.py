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
from libs.client.failures import ApiProblem, FileNotFound, Usage
from libs.client.trees import joined
from libs.contracts.storage import CopyPath, MovePath

TOO_MANY = "too-many-files"

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
    ref: Annotated[
        str | None, Parameter(help="Stage it on this branch, for `commit`; one file only.")
    ] = None,
    connect: Connect = FOUND,
) -> None:
    """Delete a file, or with -r everything below a prefix; old versions stay readable."""
    async with connect.client() as client:
        if not recursive:
            _check_is_file(place)
            await client.files.delete(place.bucket, place.path, ref=ref)
            return
        if ref is not None:
            raise Usage("--ref stages the removal of one file, not of all below a prefix")
        if not yes:
            paths = await _below(client, place)
            confirm(f"Delete {counted(len(paths), 'file')} below {place}?")
        try:
            deleted = await client.files.delete_prefix(place.bucket, place.below)
        except ApiProblem as problem:
            if problem.code != TOO_MANY:
                raise
            await _delete_in_batches(client, place)
        else:
            say(f"deleted {counted(deleted, 'file')}")


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
    _check_same_bucket(source, to)
    async with connect.client() as client:
        if recursive:
            copied = await client.files.copy_prefix(
                source.bucket, source.below, to.below, overwrite=True, message=message
            )
            say(f"copied {counted(copied, 'file')}")
            return
        copy = CopyPath(source=source.path, path=_placed(source, to))
        await client.files.change(source.bucket, [copy], message=message)
        say(f"copied {counted(1, 'file')}")


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
    _check_same_bucket(source, to)
    async with connect.client() as client:
        if recursive:
            moved = await client.files.move_prefix(
                source.bucket, source.below, to.below, overwrite=True, message=message
            )
            say(f"moved {counted(moved, 'file')}")
            return
        move = MovePath(source=source.path, path=_placed(source, to))
        await client.files.change(source.bucket, [move], message=message)
        say(f"moved {counted(1, 'file')}")


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


async def _delete_in_batches(client: Client, place: Location) -> None:
    """Delete what is too much for one request, part by part."""
    paths = await _below(client, place)
    with _counting("delete", "deleted", files=len(paths)) as on_batch:
        await client.files.delete_many(place.bucket, paths, on_batch=on_batch)


def _check_same_bucket(source: Location, to: Location) -> None:
    if source.bucket != to.bucket:
        raise Usage("a file stays in its bucket; get and put take it to another")


def _placed(source: Location, to: Location) -> str:
    """Return the path that the file ``source`` gets."""
    _check_is_file(source)
    name = source.path.rpartition("/")[2]
    path = joined(to.path, name) if to.is_prefix else to.path
    if path == source.path:
        raise Usage(f"{source} would stay where it is")
    return path
