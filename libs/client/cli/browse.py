"""``ls`` and ``rm``: what is there, and what shall not be."""

import sys
from typing import Annotated

from cyclopts import Parameter
from rich.prompt import Confirm

from libs.client.cli.connect import FOUND, Connect
from libs.client.cli.location import Place
from libs.client.cli.output import (
    AsJson,
    counted,
    human_size,
    messages,
    print_json,
    print_table,
    say,
    tell,
    when,
)
from libs.client.cli.places import Found, below, find_all, find_level
from libs.client.failures import FileNotFound, Usage
from libs.client.parallel import each
from libs.contracts.storage import FileInfo


async def ls(
    place: Place | None = None,
    /,
    *,
    long: Annotated[
        bool, Parameter(name=["--long", "-l"], negative=(), help="Sizes, versions and times.")
    ] = False,
    recursive: Annotated[
        bool, Parameter(name=["--recursive", "-r"], negative=(), help="Everything below.")
    ] = False,
    ref: Annotated[str | None, Parameter(help="As of this branch, tag or commit.")] = None,
    json: AsJson = False,
    connect: Connect = FOUND,
) -> None:
    """List buckets, or the files of one."""
    async with connect.client() as client:
        if place is None:
            buckets = [bucket async for bucket in client.buckets.list()]
            if json:
                print_json(buckets)
            else:
                print_table(("bucket",), ((bucket.name,) for bucket in buckets))
            return
        if recursive:
            prefixes: list[str] = []
            files = [file async for file in find_all(client, place, ref)]
        else:
            prefixes, files = await find_level(client, place, ref)
    if json:
        print_json([*({"prefix": prefix} for prefix in prefixes), *files])
    elif long:
        rows = [("", "", "", prefix) for prefix in prefixes]
        print_table((">size", "modified", "type", "path"), [*rows, *map(_row, files)])
    else:
        for path in [*prefixes, *(file.path for file in files)]:
            say(path)


async def rm(
    place: Place,
    /,
    *,
    recursive: Annotated[
        bool, Parameter(name=["--recursive", "-r"], negative=(), help="Everything below a prefix.")
    ] = False,
    yes: Annotated[
        bool, Parameter(name=["--yes", "-y"], negative=(), help="Do not ask before.")
    ] = False,
    connect: Connect = FOUND,
) -> int:
    """Delete a file, or with -r everything below a prefix; old versions stay readable."""
    async with connect.client() as client:
        if not recursive:
            if place.is_prefix:
                raise Usage(f"{place} is no file; -r deletes everything below it")
            await client.files.delete(place.bucket, place.path)
            return 0
        paths = [file.path async for file in client.files.list(place.bucket, below(place))]
        if not paths:
            raise FileNotFound(f"there is nothing below {place}")
        if not yes:
            confirm(f"Delete {counted(len(paths), 'file')} below {place}?")

        async def delete(path: str) -> None:
            await client.files.delete(place.bucket, path)

        failed = await each(paths, delete, jobs=16)
    for path, why in failed:
        tell(f"failed: {path}: {why}", style="red")
    say(f"deleted {counted(len(paths) - len(failed), 'file')}")
    return 1 if failed else 0


def confirm(question: str) -> None:
    """Ask before something that cannot be taken back lightly; raises ``Usage`` unless it is yes."""
    if not sys.stdin.isatty():
        raise Usage(f"{question} Without a terminal say --yes")
    if not Confirm.ask(question, console=messages(), default=False):
        raise Usage("nothing was done")


def _row(file: Found) -> tuple[str, str, str, str]:
    moment = file.modified_at if isinstance(file, FileInfo) else file.committed_at
    return (human_size(file.size), when(moment), file.content_type, file.path)
