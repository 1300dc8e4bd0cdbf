"""``share`` and ``links``: links that work without a key."""

import re
from typing import Annotated
from uuid import UUID

from cyclopts import App, Parameter

from libs.client.cli.connect import FOUND, Connect
from libs.client.cli.groups import FILES
from libs.client.cli.location import Place
from libs.client.cli.output import AsJson, print_json, print_table, say, tell, when
from libs.client.failures import Usage

links = App(name="links", group=FILES, help="Links that were shared: list, take back.")

_DURATION = re.compile(r"(\d{1,6})([smhd]?)")
_UNITS_S = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 24 * 3600}


async def share(
    file: Place,
    /,
    *,
    expires: Annotated[str, Parameter(help="How long it works: 90s, 15m, 1h, 7d.")] = "1h",
    put: Annotated[
        bool, Parameter(negative=(), help="A link to upload the file, not to download it.")
    ] = False,
    max_bytes: Annotated[
        int | None, Parameter(help="With --put: how long the file may be.")
    ] = None,
    content_type: Annotated[
        str | None, Parameter(help="With --put: the media type that has to be sent.")
    ] = None,
    json: AsJson = False,
    connect: Connect = FOUND,
) -> None:
    """Print a link to a file that works without a key."""
    if file.is_prefix:
        raise Usage("a link is to one file: strongroom share bucket/path")
    if not put and (max_bytes is not None or content_type is not None):
        raise Usage("--max-bytes and --content-type are of a link with --put")
    expires_s = seconds_of(expires)
    async with connect.client() as client:
        link = await client.links.create(
            file.bucket,
            file.path,
            method="PUT" if put else "GET",
            expires_s=expires_s,
            max_length=max_bytes,
            content_type=content_type,
        )
    if json:
        print_json([link])
        return
    say(link.url)
    tell(f"works until {when(link.expires_at)}; strongroom links rm {file.bucket} {link.id}")


@links.command(name="ls")
async def list_links(bucket: str, /, *, json: AsJson = False, connect: Connect = FOUND) -> None:
    """List the links to a bucket's files that work."""
    async with connect.client() as client:
        found = [link async for link in client.links.list(bucket)]
    if json:
        print_json(found)
        return
    rows = [(one.id, one.method, one.path, when(one.expires_at)) for one in found]
    print_table(("link", "for", "path", "works until"), rows)


@links.command(name="rm")
async def remove(bucket: str, link_id: UUID, /, *, connect: Connect = FOUND) -> None:
    """Take a link back; it stops working within a minute."""
    async with connect.client() as client:
        await client.links.revoke(bucket, link_id)


def seconds_of(text: str) -> int:
    """Return how many seconds ``1h`` or the like are; raises ``Usage``."""
    found = _DURATION.fullmatch(text)
    if found is None:
        raise Usage(f"{text!r} is no time: say 90s, 15m, 1h or 7d")
    return int(found[1]) * _UNITS_S[found[2]]
