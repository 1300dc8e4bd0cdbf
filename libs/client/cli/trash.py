"""``trash``: what was deleted, and back from there."""

from typing import Annotated

from cyclopts import App, Parameter

from libs.client.cli.changing import confirm
from libs.client.cli.connect import FOUND, Connect
from libs.client.cli.groups import FILES
from libs.client.cli.location import Place
from libs.client.cli.output import AsJson, counted, human_size, print_json, print_table, say, when

trash = App(name="trash", group=FILES, help="Deleted files: list, bring back, forget.")


@trash.command(name="ls")
async def list_trash(
    place: Place,
    /,
    *,
    limit: Annotated[int, Parameter(name=["--limit", "-n"], help="At most so many.")] = 1000,
    json: AsJson = False,
    connect: Connect = FOUND,
) -> None:
    """List what is in the trash of a bucket, or of it what was below a prefix."""
    async with connect.client() as client:
        found = [one async for one in client.trash.list(place.bucket, place.path, limit=limit)]
    if json:
        print_json(found)
        return
    rows = [
        (
            human_size(one.size),
            one.revision,
            when(one.deleted_at),
            one.deleted_by,
            when(one.kept_until),
            one.path,
        )
        for one in found
    ]
    print_table((">size", ">version", "deleted", "by", "kept until", "path"), rows)


@trash.command
async def restore(
    place: Place,
    /,
    *,
    into: Annotated[str, Parameter(help="Put in front of the path, e.g. restored/.")] = "",
    overwrite: Annotated[
        bool, Parameter(negative=(), help="Replace files that are there by now.")
    ] = False,
    connect: Connect = FOUND,
) -> None:
    """Bring a deleted file back, or with a slash at the end everything below it."""
    async with connect.client() as client:
        done = await client.trash.restore(
            place.bucket,
            paths=None if place.is_prefix else [place.path],
            prefix=place.path if place.is_prefix else None,
            into=into,
            overwrite=overwrite,
        )
    say(f"restored {counted(done.restored, 'file')}")


@trash.command
async def empty(
    place: Place,
    /,
    *,
    yes: Annotated[
        bool, Parameter(name=["--yes", "-y"], negative=(), help="Do not ask before.")
    ] = False,
    connect: Connect = FOUND,
) -> None:
    """Forget a deleted file, or with a slash at the end everything below it."""
    if not yes:
        confirm(f"Forget what was deleted at {place}? It cannot be brought back from the trash.")
    async with connect.client() as client:
        if place.is_prefix:
            done = await client.trash.empty(place.bucket, prefix=place.path)
        else:
            done = await client.trash.empty(place.bucket, path=place.path)
    say(f"forgot {counted(done.files, 'file')}, {human_size(done.bytes)}")
