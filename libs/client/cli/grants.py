"""``grants`` and ``access-check``: who may do what, and why."""

from typing import Annotated

from cyclopts import App, Parameter

from libs.client.cli.connect import FOUND, Connect
from libs.client.cli.groups import PLATFORM
from libs.client.cli.location import Place
from libs.client.cli.output import AsJson, print_json, print_table, say, when
from libs.client.grants import AccessChecked, Action, Rule
from libs.contracts.storage import Role

grants = App(name="grants", group=PLATFORM, help="Who may do what: list, give, take.")

Principal = Annotated[
    str, Parameter(help="key:ID, user:NAME, group:NAME, or everyone who has a key.")
]


@grants.command(name="ls")
async def list_grants(place: Place, /, *, json: AsJson = False, connect: Connect = FOUND) -> None:
    """List what was given on a bucket, or below a prefix of it."""
    async with connect.client() as client:
        found = await client.grants.list(place.bucket, place.path)
    if json:
        print_json(found)
        return
    rows = [
        (one.principal, one.role, one.prefix, when(one.granted_at), one.granted_by) for one in found
    ]
    print_table(("who", "role", "below", "since", "by"), rows)


@grants.command
async def give(
    place: Place, principal: Principal, role: Role, /, *, connect: Connect = FOUND
) -> None:
    """Give a role on a bucket, or below a prefix (bucket/reports/)."""
    async with connect.client() as client:
        grant = await client.grants.give(place.bucket, principal, role, prefix=place.path)
    say(f"{grant.principal} is {grant.role} of {place}")


@grants.command
async def take(place: Place, principal: Principal, /, *, connect: Connect = FOUND) -> None:
    """Take back what was given on exactly this bucket or prefix."""
    async with connect.client() as client:
        await client.grants.take(place.bucket, principal, prefix=place.path)
    say(f"{principal} has no role of its own on {place}")


async def access_check(
    place: Place,
    action: Action = "read",
    /,
    *,
    principal: Annotated[
        str | None, Parameter(name="--as", help="About whom; an owner may ask.")
    ] = None,
    group: Annotated[
        tuple[str, ...],
        Parameter(
            negative=(), consume_multiple=False, help="They belong to it; may be said again."
        ),
    ] = (),
    json: AsJson = False,
    connect: Connect = FOUND,
) -> int:
    """Tell whether you may do something, and which rule decides; exit 1 when not."""
    async with connect.client() as client:
        checked = await client.grants.check(
            place.bucket, action, place.path, principal=principal, groups=group or None
        )
    if json:
        print_json([checked])
    else:
        _show(checked)
    return 0 if checked.allowed else 1


def _show(checked: AccessChecked) -> None:
    say(f"{'allowed' if checked.allowed else 'refused'}: {checked.reason}")
    rows = [
        ("→" if rule == checked.rule else "", rule.kind, _told(rule)) for rule in checked.looked_at
    ]
    print_table(("", "looked at", ""), rows)


def _told(rule: Rule) -> str:
    if rule.grant is not None:
        place = rule.grant.prefix or "the whole bucket"
        return f"{rule.grant.principal} {rule.grant.role} {place}"
    return rule.scope or ("on" if rule.public_read else "off")
