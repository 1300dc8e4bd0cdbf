"""``branch`` and ``tag``: names for commits."""

from typing import Annotated

from cyclopts import App, Parameter

from libs.client.cli.changing import confirm
from libs.client.cli.connect import FOUND, Connect
from libs.client.cli.examples import EXAMPLES
from libs.client.cli.groups import VERSIONS
from libs.client.cli.output import AsJson, counted, print_json, print_table, say, short, when
from libs.contracts.versioning import BranchInfo

branch = App(
    name="branch",
    group=VERSIONS,
    help="Branches: list, create, protect, reset, delete.",
    help_epilogue=EXAMPLES["branch"],
)
tag = App(
    name="tag",
    group=VERSIONS,
    help="Tags, names that never move: list, create, delete.",
    help_epilogue=EXAMPLES["tag"],
)

From = Annotated[str, Parameter(name="--from", help="Branch, tag or commit that it begins at.")]
Named = Annotated[str, Parameter(name="--from", help="Branch or commit that it names.")]
Discard = Annotated[
    bool, Parameter(negative=(), help="Forget what is staged on it, if anything is.")
]
Expect = Annotated[
    str | None,
    Parameter(help="Whole id of the commit that it must name now, else nothing is done."),
]


@branch.command(name=["list", "ls"])
async def list_branches(
    bucket: str,
    prefix: Annotated[str, Parameter(help="Only names that begin so.")] = "",
    /,
    *,
    json: AsJson = False,
    connect: Connect = FOUND,
) -> None:
    """List the branches of a bucket."""
    async with connect.client() as client:
        found = [one async for one in client.branches.list(bucket, prefix)]
    if json:
        print_json(found)
        return
    headings = ("branch", "commit", ">staged", "moved", "by", "rules")
    print_table(headings, map(_row, found))


@branch.command
async def create(
    bucket: str,
    name: str,
    /,
    *,
    source: From = "main",
    auto_commit: Annotated[
        bool, Parameter(negative=(), help="Each write is a commit at once, not staged.")
    ] = False,
    connect: Connect = FOUND,
) -> None:
    """Make a branch; no bytes are copied."""
    async with connect.client() as client:
        made = await client.branches.create(bucket, name, source=source, auto_commit=auto_commit)
    say(f"created {made.name} at {_head(made)}")


@branch.command
async def protect(
    bucket: str,
    name: str,
    /,
    *,
    check: Annotated[
        list[str] | None,
        Parameter(negative=(), help="Has to have passed on what is merged; may be said again."),
    ] = None,
    connect: Connect = FOUND,
) -> None:
    """Let a branch change by merges only."""
    async with connect.client() as client:
        made = await client.branches.update(bucket, name, protected=True, required_checks=check)
    say(f"{made.name}: {_rules(made)}")


@branch.command
async def unprotect(bucket: str, name: str, /, *, connect: Connect = FOUND) -> None:
    """Let everybody who may write change a branch again."""
    async with connect.client() as client:
        await client.branches.update(bucket, name, protected=False, required_checks=[])
    say(f"{name} is not protected")


@branch.command
async def reset(
    bucket: str,
    name: str,
    to: Annotated[str, Parameter(help="Branch, tag or commit.")],
    /,
    *,
    expect: Expect = None,
    discard: Discard = False,
    connect: Connect = FOUND,
) -> None:
    """Let a branch name another commit; the one that it named stays."""
    async with connect.client() as client:
        moved = await client.branches.reset(bucket, name, to, expect=expect, discard=discard)
    say(f"{moved.name} is at {_head(moved)}")


@branch.command(name=["delete", "rm"])
async def delete(
    bucket: str,
    name: str,
    /,
    *,
    expect: Expect = None,
    discard: Discard = False,
    connect: Connect = FOUND,
) -> None:
    """Delete a branch, not its commits."""
    async with connect.client() as client:
        await client.branches.delete(bucket, name, expect=expect, discard=discard)
    say(f"deleted {name}")


@tag.command(name=["list", "ls"])
async def list_tags(
    bucket: str,
    prefix: Annotated[str, Parameter(help="Only names that begin so.")] = "",
    /,
    *,
    json: AsJson = False,
    connect: Connect = FOUND,
) -> None:
    """List the tags of a bucket."""
    async with connect.client() as client:
        found = [one async for one in client.tags.list(bucket, prefix)]
    if json:
        print_json(found)
        return
    rows = [
        (one.name, short(one.commit_id), when(one.created_at), one.created_by, _title(one.message))
        for one in found
    ]
    print_table(("tag", "commit", "created", "by", "message"), rows)


@tag.command(name="create")
async def create_tag(
    bucket: str,
    name: str,
    /,
    *,
    source: Named = "main",
    message: Annotated[str, Parameter(name=["--message", "-m"], help="Why.")] = "",
    connect: Connect = FOUND,
) -> None:
    """Name a commit for good."""
    async with connect.client() as client:
        made = await client.tags.create(bucket, name, source=source, message=message)
    say(f"tagged {short(made.commit_id)} as {made.name}")


@tag.command(name=["delete", "rm"])
async def delete_tag(
    bucket: str,
    name: str,
    /,
    *,
    yes: Annotated[
        bool, Parameter(name=["--yes", "-y"], negative=(), help="Do not ask before.")
    ] = False,
    connect: Connect = FOUND,
) -> None:
    """Delete a tag, not its commit."""
    if not yes:
        confirm(f"A tag is meant for good. Delete {name}?")
    async with connect.client() as client:
        await client.tags.delete(bucket, name)
    say(f"deleted {name}")


def _row(one: BranchInfo) -> tuple[object, ...]:
    staged = one.staged or ""
    return (one.name, _head(one), staged, when(one.moved_at), one.created_by, _rules(one))


def _head(one: BranchInfo) -> str:
    return short(one.commit_id) or "no commit yet"


def _rules(one: BranchInfo) -> str:
    rules = ["protected"] if one.protected else []
    if one.required_checks:
        needs = counted(len(one.required_checks), "check")
        rules.append(f"{needs} required: {', '.join(one.required_checks)}")
    if one.auto_commit and not one.is_default:
        rules.append("commits each write")
    return ", ".join(rules)


def _title(message: str) -> str:
    return message.partition("\n")[0]
