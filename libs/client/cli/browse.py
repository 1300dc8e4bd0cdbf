"""``ls``: what is there."""

from typing import Annotated

from cyclopts import Parameter

from libs.client.cli.connect import FOUND, Connect
from libs.client.cli.location import Location, Place
from libs.client.cli.output import AsJson, human_size, print_json, print_table, say, when
from libs.client.client import Client
from libs.client.files import ListedFile
from libs.client.paging import Page


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
        found = await (_all if recursive else _level)(client, place, ref)
    if json:
        print_json([*({"prefix": prefix} for prefix in found.prefixes), *found.items])
    elif long:
        rows = [("", "", "", "", prefix) for prefix in found.prefixes]
        headings = (">size", ">version", "modified", "type", "path")
        print_table(headings, [*rows, *map(_row, found.items)])
    else:
        for path in [*found.prefixes, *(file.path for file in found.items)]:
            say(path)


async def _level(client: Client, place: Location, ref: str | None) -> Page[ListedFile]:
    """Return one level below ``place``, or the file that it names."""
    level = await client.files.level(place.bucket, place.below, ref=ref)
    if level.items or level.prefixes or place.is_prefix:
        return level
    return Page(items=[await client.files.stat(place.bucket, place.path, ref=ref)])


async def _all(client: Client, place: Location, ref: str | None) -> Page[ListedFile]:
    found = client.files.list(place.bucket, place.below, ref=ref)
    return Page(items=[file async for file in found])


def _row(file: ListedFile) -> tuple[object, ...]:
    version = file.revision or ""
    return (human_size(file.size), version, when(file.modified_at), file.content_type, file.path)
