"""``keys``: who may enter."""

from datetime import UTC, datetime, timedelta
from typing import Annotated
from uuid import UUID

from cyclopts import App, Parameter

from libs.client.cli.connect import FOUND, Connect
from libs.client.cli.groups import PLATFORM
from libs.client.cli.output import AsJson, print_json, print_table, say, tell, when
from libs.client.system import KeyInfo, Scope

keys = App(name="keys", group=PLATFORM, help="API keys: create, list, revoke.")


@keys.command
async def create(
    name: str,
    /,
    *,
    scope: Annotated[
        tuple[Scope, ...],
        Parameter(negative=(), consume_multiple=False, help="May be said again; admin is all."),
    ] = ("read", "write"),
    user: Annotated[str | None, Parameter(help="It acts for them: their grants are its.")] = None,
    group: Annotated[
        tuple[str, ...],
        Parameter(negative=(), consume_multiple=False, help="Theirs, too; may be said again."),
    ] = (),
    days: Annotated[int | None, Parameter(help="For so many days; else until revoked.")] = None,
    json: AsJson = False,
    connect: Connect = FOUND,
) -> int:
    """Make a key; it is printed this once."""
    until = None if days is None else datetime.now(UTC) + timedelta(days=days)
    async with connect.client() as client:
        key = await client.keys.create(name, scope, user=user, groups=group, expires_at=until)
    if json:
        print_json([key])
    elif key.key is None:
        tell(f"the answer with the key was lost: strongroom keys revoke {key.key_id}, and again")
        return 1
    else:
        tell(f"key {key.key_id} may {' and '.join(key.scopes)}; it is shown only now:")
        say(key.key)
    return 0


@keys.command(name="ls")
async def list_keys(*, json: AsJson = False, connect: Connect = FOUND) -> None:
    """List keys, without their secrets."""
    async with connect.client() as client:
        found = [key async for key in client.keys.list()]
    if json:
        print_json(found)
        return
    rows = [
        (
            one.key_id,
            one.name,
            " ".join(one.scopes),
            _acts_for(one),
            when(one.created_at),
            when(one.expires_at),
        )
        for one in found
    ]
    print_table(("key", "name", "scopes", "acts for", "created", "expires"), rows)


def _acts_for(key: KeyInfo) -> str:
    names = [key.user] if key.user else []
    return " ".join([*names, *(f"group:{name}" for name in key.groups)])


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
