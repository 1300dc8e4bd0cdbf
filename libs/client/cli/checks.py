"""``checks``: what waits before anybody sees it."""

from typing import Annotated
from uuid import UUID

from cyclopts import App, Parameter

from libs.client.cli.connect import FOUND, Connect
from libs.client.cli.groups import FILES
from libs.client.cli.location import Location, Place
from libs.client.cli.output import AsJson, print_json, print_table, say, when
from libs.client.failures import Usage
from libs.contracts.storage import CheckState, FileCheck, Verdict

checks = App(name="checks", group=FILES, help="Files that wait for checks: list, pass, refuse.")

Check = Annotated[
    list[str] | None,
    Parameter(name="--check", negative=(), help="Which check; else all that say nothing yet."),
]
Reason = Annotated[str, Parameter(help="Told to who put the file.")]


@checks.command(name="ls")
async def list_checks(
    place: Place,
    /,
    *,
    state: Annotated[
        CheckState | None, Parameter(help="Only these; else what waits and what was decided.")
    ] = None,
    json: AsJson = False,
    connect: Connect = FOUND,
) -> None:
    """List what waits in a bucket, and what was decided in the last week."""
    _check_is_bucket(place)
    async with connect.client() as client:
        found = [one async for one in client.checks.list(place.bucket, state=state)]
    if json:
        print_json(found)
        return
    print_table(("id", "state", "waits for", "until", "path", "reason"), map(_row, found))


@checks.command(name="pass")
async def pass_checks(
    bucket: Place,
    check_id: UUID,
    /,
    *,
    check: Check = None,
    reason: Reason = "",
    connect: Connect = FOUND,
) -> None:
    """Say that checks have passed; with the last one the file appears."""
    await _judge(bucket, check_id, check, "passed", reason, connect)


@checks.command
async def refuse(
    bucket: Place,
    check_id: UUID,
    /,
    *,
    check: Check = None,
    reason: Reason = "",
    connect: Connect = FOUND,
) -> None:
    """Refuse what waits: nobody will see it."""
    await _judge(bucket, check_id, check, "refused", reason, connect)


async def _judge(
    bucket: Location,
    check_id: UUID,
    checks: list[str] | None,
    verdict: Verdict,
    reason: str,
    connect: Connect,
) -> None:
    _check_is_bucket(bucket)
    async with connect.client() as client:
        found = await client.checks.get(bucket.bucket, check_id)
        for check in checks or found.waits_for:
            found = await client.checks.give(bucket.bucket, check_id, check, verdict, reason=reason)
            if found.state == "refused":
                break
    said = f"{found.bucket}/{found.path} is {found.state}"
    say(f"{said}: {found.reason}" if found.reason else said)


def _check_is_bucket(place: Location) -> None:
    if place.path:
        raise Usage("checks are of a bucket: strongroom checks ls bucket")


def _row(one: FileCheck) -> tuple[object, ...]:
    until = when(one.deadline_at) if one.state == "waiting" else ""
    waits_for = ", ".join(one.waits_for) if one.state == "waiting" else ""
    return (str(one.check_id), one.state, waits_for, until, one.path, one.reason)
