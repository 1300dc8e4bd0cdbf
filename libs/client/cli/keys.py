"""``keys``: who may enter."""

from typing import Annotated
from uuid import UUID

from cyclopts import App, Parameter

from libs.client.cli.connect import FOUND, Connect
from libs.client.cli.groups import PLATFORM
from libs.client.cli.output import AsJson, print_json, print_table, say, tell, when

keys = App(name="keys", group=PLATFORM, help="API keys: create, list, revoke.")


@keys.command
async def create(name: str, /, *, json: AsJson = False, connect: Connect = FOUND) -> None:
    """Make a key; it is printed this once."""
    async with connect.client() as client:
        key = await client.keys.create(name)
    if json:
        print_json([key])
        return
    tell(f"key {key.key_id}; it is shown only now:")
    say(key.secret)


@keys.command(name="ls")
async def list_keys(*, json: AsJson = False, connect: Connect = FOUND) -> None:
    """List keys, without their secrets."""
    async with connect.client() as client:
        found = [key async for key in client.keys.list()]
    if json:
        print_json(found)
        return
    rows = [
        (one.key_id, one.name, " ".join(one.scopes), when(one.created_at), when(one.revoked_at))
        for one in found
    ]
    print_table(("key", "name", "scopes", "created", "revoked"), rows)


@keys.command
async def revoke(
    key_id: Annotated[UUID, Parameter(help="See `strongroom keys ls`.")],
    /,
    *,
    connect: Connect = FOUND,
) -> None:
    """Make a key worthless, everywhere."""
    async with connect.client() as client:
        await client.keys.revoke(key_id)
    say(f"revoked {key_id}")
