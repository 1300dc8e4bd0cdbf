"""``retention`` and ``purge``: which past states keep their content."""

from typing import Annotated

from cyclopts import App, Parameter

from libs.client.cli.changing import confirm
from libs.client.cli.connect import FOUND, Connect
from libs.client.cli.examples import EXAMPLES
from libs.client.cli.groups import VERSIONS
from libs.client.cli.location import Place
from libs.client.cli.output import (
    AsJson,
    counted,
    human_size,
    print_json,
    print_table,
    say,
    short,
    when,
)
from libs.client.failures import Usage
from libs.contracts.versioning import Expiring, Retention, RetentionPolicy

retention = App(
    name="retention",
    group=VERSIONS,
    help="How long past states are kept: show, set, preview.",
    help_epilogue=EXAMPLES["retention"],
)

KeepLast = Annotated[int | None, Parameter(help="Keep so many of the newest states of each file.")]
KeepDays = Annotated[
    int | None, Parameter(help="Keep what was the present state in the last so many days.")
]
KeepTagged = Annotated[bool, Parameter(help="Keep what a tag can reach.")]


@retention.command
async def show(bucket: str, /, *, json: AsJson = False, connect: Connect = FOUND) -> None:
    """Show the policy of a bucket, and what was given up so far."""
    async with connect.client() as client:
        found = await client.retention.get(bucket)
    print_json([found]) if json else _show(bucket, found)


@retention.command(name="set")
async def set_policy(
    bucket: str,
    /,
    *,
    keep_last: KeepLast = None,
    keep_days: KeepDays = None,
    keep_tagged: KeepTagged = True,
    forever: Annotated[
        bool, Parameter(negative=(), help="Keep everything, as without any policy.")
    ] = False,
    connect: Connect = FOUND,
) -> None:
    """Replace the policy of a bucket; a state is kept while one of the rules wants it."""
    policy = _policy(keep_last, keep_days, keep_tagged=keep_tagged)
    if forever == (policy is not None):
        raise Usage("say --keep-last N, --keep-days N, both, or --forever")
    async with connect.client() as client:
        _show(bucket, await client.retention.set(bucket, policy))


@retention.command
async def preview(
    place: Place,
    /,
    *,
    keep_last: KeepLast = None,
    keep_days: KeepDays = None,
    keep_tagged: KeepTagged = True,
    kept: Annotated[bool, Parameter(negative=(), help="List what is kept, too.")] = False,
    limit: Annotated[int, Parameter(name=["--limit", "-n"], help="At most so many.")] = 1000,
    json: AsJson = False,
    connect: Connect = FOUND,
) -> None:
    """Tell what a policy, or the bucket's own, would give up, and why; nothing is changed."""
    policy = _policy(keep_last, keep_days, keep_tagged=keep_tagged)
    async with connect.client() as client:
        below = client.retention.preview(
            place.bucket, policy, prefix=place.path, kept=kept, limit=limit
        )
        found = [one async for one in below]
    if json:
        print_json(found)
        return
    headings = ("", ">version", ">size", "sha256", "made", "path", "why")
    print_table(headings, map(_row, found))


async def purge(
    place: Place,
    /,
    *,
    dry_run: Annotated[
        bool, Parameter(negative=(), help="Tell how much it would be, and do nothing.")
    ] = False,
    yes: Annotated[
        bool, Parameter(name=["--yes", "-y"], negative=(), help="Do not ask before.")
    ] = False,
    json: AsJson = False,
    connect: Connect = FOUND,
) -> None:
    """Give up the content of all past states of a file, or below a prefix (bucket/dir/), for good.

    What is there now stays, on every branch; the history still tells what was there.
    """
    path = None if place.is_prefix else place.path
    prefix = place.path if place.is_prefix else None
    async with connect.client() as client:
        if not (dry_run or yes):
            would = await client.retention.purge(
                place.bucket, path=path, prefix=prefix, dry_run=True
            )
            confirm(f"Give up {counted(would.versions, 'past state')} of {place} for good?")
        purged = await client.retention.purge(
            place.bucket, path=path, prefix=prefix, dry_run=dry_run
        )
    if json:
        print_json([purged])
        return
    verb = "would give up" if dry_run else "gave up"
    kept = f"; {counted(purged.locked, 'state')} locked, and kept" if purged.locked else ""
    say(f"{verb} {counted(purged.versions, 'past state')}, {human_size(purged.bytes)}{kept}")


def _policy(
    keep_last: int | None, keep_days: int | None, *, keep_tagged: bool
) -> RetentionPolicy | None:
    if keep_last is None and keep_days is None:
        return None
    return RetentionPolicy(keep_last=keep_last, keep_days=keep_days, keep_tagged=keep_tagged)


def _show(bucket: str, found: Retention) -> None:
    say(f"{bucket}: {_told(found.policy)}")
    given_up = f"{counted(found.expired, 'state')}, {human_size(found.expired_bytes)}"
    ran = f", last applied {when(found.ran_at)}" if found.ran_at else ""
    say(f"given up so far: {given_up}{ran}")


def _told(policy: RetentionPolicy | None) -> str:
    if policy is None or (policy.keep_last is None and policy.keep_days is None):
        return "all states are kept for ever"
    rules = []
    if policy.keep_last is not None:
        rules.append(f"the newest {policy.keep_last} of each file")
    if policy.keep_days is not None:
        rules.append(f"what was there in the last {counted(policy.keep_days, 'day')}")
    rules.append("what branches reach" + (" and tags" if policy.keep_tagged else ""))
    return f"keeps {', '.join(rules)}"


def _row(one: Expiring) -> tuple[object, ...]:
    verdict = "gives up" if one.expires else "keeps"
    made = when(one.created_at)
    return (
        verdict,
        one.version,
        human_size(one.size),
        short(one.sha256),
        made,
        one.path,
        one.reason,
    )
