"""``lock``: what keeps files as they are."""

from datetime import UTC, datetime, timedelta
from typing import Annotated

from cyclopts import App, Parameter

from libs.client.cli.connect import FOUND, Connect
from libs.client.cli.groups import FILES
from libs.client.cli.location import Location, Place
from libs.client.cli.output import AsJson, print_json, print_table, say, when
from libs.client.failures import Usage
from libs.contracts.storage import FileLock, LockMode

lock = App(name="lock", group=FILES, help="Retention locks and legal holds: show, set, lift.")

Version = Annotated[int | None, Parameter(help="One of its versions; else the present one.")]


@lock.command(name="ls")
async def list_locks(place: Place, /, *, json: AsJson = False, connect: Connect = FOUND) -> None:
    """List what is locked in a bucket, or below a prefix of it."""
    async with connect.client() as client:
        found = [one async for one in client.locks.list(place.bucket, place.path)]
    if json:
        print_json(found)
        return
    print_table(("mode", "until", "hold", ">version", "set by", "path"), map(_row, found))


@lock.command
async def show(
    file: Place,
    /,
    *,
    version: Version = None,
    json: AsJson = False,
    connect: Connect = FOUND,
) -> None:
    """Show what locks a file."""
    _check_is_file(file)
    async with connect.client() as client:
        found = await client.locks.get(file.bucket, file.path, version=version)
    if json:
        print_json([found])
    else:
        say(_told(file, found))


@lock.command(name="set")
async def set_lock(
    file: Place,
    /,
    *,
    mode: Annotated[
        LockMode, Parameter(help="An owner may lift governance; nobody lifts compliance.")
    ] = "governance",
    days: Annotated[float | None, Parameter(help="Keep it for so long from now.")] = None,
    until: Annotated[datetime | None, Parameter(help="Or until then.")] = None,
    hold: Annotated[
        bool, Parameter(negative=(), help="And as long as nobody lifts this legal hold.")
    ] = False,
    bypass_governance: Annotated[
        bool, Parameter(negative=(), help="Shorten a governance lock, as an owner.")
    ] = False,
    version: Version = None,
    connect: Connect = FOUND,
) -> None:
    """Lock a file in place of how it was locked."""
    _check_is_file(file)
    ends = _end(days, until)
    if ends is None and not hold:
        raise Usage("lock it for how long? --days, --until or --hold")
    async with connect.client() as client:
        found = await client.locks.set(
            file.bucket,
            file.path,
            version=version,
            mode=None if ends is None else mode,
            retain_until=ends,
            legal_hold=hold,
            bypass_governance=bypass_governance,
        )
    say(_told(file, found))


@lock.command(name="rm")
async def remove(
    file: Place,
    /,
    *,
    bypass_governance: Annotated[
        bool, Parameter(negative=(), help="Lift a governance lock, as an owner.")
    ] = False,
    version: Version = None,
    connect: Connect = FOUND,
) -> None:
    """Unlock a file, as far as that is yours to do."""
    _check_is_file(file)
    async with connect.client() as client:
        found = await client.locks.set(
            file.bucket, file.path, version=version, bypass_governance=bypass_governance
        )
    say(_told(file, found))


def _end(days: float | None, until: datetime | None) -> datetime | None:
    if days is not None and until is not None:
        raise Usage("either --days or --until")
    if days is not None:
        return datetime.now(UTC) + timedelta(days=days)
    return None if until is None else until.astimezone()


def _check_is_file(place: Location) -> None:
    if place.is_prefix:
        raise Usage("a lock is of one file: strongroom lock show bucket/path")


def _told(file: Location, found: FileLock) -> str:
    parts = []
    if found.retain_until is not None:
        parts.append(f"kept until {when(found.retain_until)} ({found.mode})")
    if found.legal_hold:
        parts.append("under a legal hold")
    return f"{file} version {found.revision} is {' and '.join(parts) or 'not locked'}"


def _row(one: FileLock) -> tuple[object, ...]:
    hold = "yes" if one.legal_hold else ""
    return (one.mode or "", when(one.retain_until), hold, one.revision, one.set_by, one.path)
