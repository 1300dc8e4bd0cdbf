"""``usage``, ``quota`` and ``lifecycle``: what is used, may be used, and will go."""

from typing import Annotated

from cyclopts import App, Parameter

from libs.client.cli.connect import FOUND, Connect
from libs.client.cli.groups import PLATFORM
from libs.client.cli.output import AsJson, human_size, print_json, print_table, say, when
from libs.client.usage import Usage
from libs.contracts.storage import PrincipalUsage

quota = App(name="quota", group=PLATFORM, help="Quotas of users and keys: list, set, remove.")

Principal = Annotated[str, Parameter(help="key:ID or user:NAME.")]
Limit = Annotated[int, Parameter(name=["--limit", "-n"], help="At most so many.")]


async def usage(
    bucket: str | None = None, /, *, json: AsJson = False, connect: Connect = FOUND
) -> None:
    """Tell what a bucket uses; without one, what you use in all of them."""
    async with connect.client() as client:
        if bucket is None:
            mine = await client.quotas.mine()
            print_json([mine]) if json else _print_principals([mine])
            return
        used = await client.quotas.usage(bucket)
    print_json([used]) if json else _print_usage(used)


async def lifecycle(
    bucket: str, /, *, limit: Limit = 1000, json: AsJson = False, connect: Connect = FOUND
) -> None:
    """List what a bucket's rules will delete, when, and which of them."""
    async with connect.client() as client:
        found = [one async for one in client.lifecycle.preview(bucket, limit=limit)]
    if json:
        print_json(found)
        return
    rows = [
        (
            when(one.expires_at),
            one.rule,
            "hold" if one.legal_hold else when(one.locked_until),
            human_size(one.size),
            one.path,
        )
        for one in found
    ]
    print_table(("expires", "rule", "locked until", ">size", "path"), rows)


@quota.command(name="ls")
async def list_quotas(*, json: AsJson = False, connect: Connect = FOUND) -> None:
    """List who has a quota."""
    async with connect.client() as client:
        found = [one async for one in client.quotas.list()]
    print_json(found) if json else _print_principals(found)


@quota.command(name="set")
async def set_quota(
    principal: Principal,
    quota_bytes: Annotated[int, Parameter(help="In bytes.")],
    /,
    *,
    connect: Connect = FOUND,
) -> None:
    """Limit what somebody may store in all buckets together."""
    async with connect.client() as client:
        used = await client.quotas.set(principal, quota_bytes)
    say(f"{principal} uses {human_size(used.used_bytes)} of {human_size(quota_bytes)}")


@quota.command(name="rm")
async def remove(principal: Principal, /, *, connect: Connect = FOUND) -> None:
    """Limit somebody no more."""
    async with connect.client() as client:
        await client.quotas.remove(principal)


def _print_principals(found: list[PrincipalUsage]) -> None:
    rows = [(one.principal, human_size(one.used_bytes), _quota(one.quota_bytes)) for one in found]
    print_table(("who", ">used", ">quota"), rows)


def _print_usage(used: Usage) -> None:
    rows = [
        (what, f"{amount.number:,}", human_size(amount.bytes))
        for what, amount in (
            ("live", used.live),
            ("versions", used.versions),
            ("trash", used.trash),
            ("different contents", used.held),
        )
    ]
    rows.append(("in the store", "", human_size(used.stored_bytes)))
    print_table(("", ">number", ">size"), rows)
    say(f"{human_size(used.used_bytes)} used, quota {_quota(used.quota_bytes)}")
    say(
        f"compression {used.compression.setting} (level {used.compression.level}), "
        f"{used.compression.ratio:g} : 1"
    )


def _quota(quota_bytes: int | None) -> str:
    return "none" if quota_bytes is None else human_size(quota_bytes)
