"""``merge``, ``revert`` and ``cherry-pick``: what was done in one place, done in another."""

from collections.abc import Awaitable
from typing import Annotated

from cyclopts import Parameter

from libs.client.cli.committing import Branch, Message, told
from libs.client.cli.connect import FOUND, Connect
from libs.client.cli.output import (
    AsJson,
    counted,
    human_size,
    print_json,
    print_table,
    say,
    short,
    tell,
)
from libs.client.client import Client
from libs.client.failures import ApiProblem, Usage
from libs.client.merges import Conflicts, conflicts_in
from libs.contracts.versioning import CommitMade, EntryChange, FileState, Merged, Resolution, Side

FAILED = 1
SHOWN = 100
BY_SIDE = "Say --ours PATH, --theirs PATH, or --otherwise ours|theirs"
BY_HAND = "Write on the branch what is to be there: `put`, `rm`, or `restore --to`"

Commit = Annotated[str, Parameter(help="Commit, branch or tag; main~2 is the second before main.")]


async def merge(
    bucket: str,
    source: Annotated[str, Parameter(help="Branch, tag or commit.")],
    /,
    *,
    into: Annotated[str, Parameter(help="The branch that gets it.")] = "main",
    message: Message = "",
    ours: Annotated[
        list[str] | None,
        Parameter(negative=(), help="In conflict, PATH stays as it is; may be said again."),
    ] = None,
    theirs: Annotated[
        list[str] | None,
        Parameter(negative=(), help="In conflict, PATH becomes as in SOURCE; may be said again."),
    ] = None,
    otherwise: Annotated[
        Side | None, Parameter(help="Who wins in every other conflict; else nothing is merged.")
    ] = None,
    squash: Annotated[
        bool, Parameter(negative=(), help="One commit; SOURCE becomes no part of the history.")
    ] = False,
    dry_run: Annotated[
        bool, Parameter(negative=(), help="Tell what would change, and change nothing.")
    ] = False,
    json: AsJson = False,
    connect: Connect = FOUND,
) -> int:
    """Merge a branch into another, three-way by path; exit 1 and a table where both changed."""
    async with connect.client() as client:
        try:
            merged = await client.merges.merge(
                bucket,
                source,
                into=into,
                message=message,
                resolutions=_resolutions(ours or [], theirs or []),
                otherwise=otherwise,
                squash=squash,
                dry_run=dry_run,
            )
        except ApiProblem as problem:
            return _show_conflicts(problem, BY_SIDE, json=json)
        if not merged.changed and not merged.conflicts:
            await _tell_of_staged(client, bucket, source)
    if json:
        print_json([merged])
    else:
        _show(into, merged, dry_run=dry_run)
    return FAILED if merged.conflicts else 0


async def revert(
    bucket: str,
    commit: Commit,
    /,
    *,
    branch: Branch = "main",
    message: Message = "",
    json: AsJson = False,
    connect: Connect = FOUND,
) -> int:
    """Take back what a commit did, also a restore: a new commit, no bytes move."""
    async with connect.client() as client:
        made = client.commits.revert(bucket, commit, branch=branch, message=message)
        return await _show_made(branch, made, json=json)


async def cherry_pick(
    bucket: str,
    commit: Commit,
    /,
    *,
    branch: Branch = "main",
    message: Message = "",
    json: AsJson = False,
    connect: Connect = FOUND,
) -> int:
    """Do on a branch what a commit did elsewhere."""
    async with connect.client() as client:
        made = client.commits.cherry_pick(bucket, commit, branch=branch, message=message)
        return await _show_made(branch, made, json=json)


async def _show_made(branch: str, made: Awaitable[CommitMade], *, json: bool) -> int:
    """Wait for a commit, and show it or why there is none."""
    try:
        commit = await made
    except ApiProblem as problem:
        return _show_conflicts(problem, BY_HAND, json=json)
    print_json([commit]) if json else say(told(branch, commit))
    return 0


def _resolutions(ours: list[str], theirs: list[str]) -> dict[str, Resolution]:
    both = set(ours) & set(theirs)
    if both:
        raise Usage(f"{min(both)} can be --ours or --theirs, not both")
    sides: dict[str, Resolution] = dict.fromkeys(ours, "ours")
    return sides | dict.fromkeys(theirs, "theirs")


def _show(into: str, merged: Merged, *, dry_run: bool) -> None:
    if merged.conflicts:
        _print_conflicts(
            Conflicts(conflicts=merged.conflicts, conflicts_total=merged.conflicts_total), BY_SIDE
        )
        return
    for change in merged.changes:
        say(f"{_kind(change)} {change.path}")
    if merged.changed > len(merged.changes):
        say(f"… and {counted(merged.changed - len(merged.changes), 'more file')}")
    changed = counted(merged.changed, "file")
    if dry_run:
        say(f"{into}: {changed} would change, no conflicts")
    elif merged.commit is None:
        say(f"{into}: has everything of {short(merged.source)} already")
    else:
        say(f"{into}: {changed} changed, now at {short(merged.commit.commit_id)}")


async def _tell_of_staged(client: Client, bucket: str, source: str) -> None:
    """Tell whoever merged a branch too early that its writes wait for a commit."""
    async for branch in client.branches.list(bucket, source):
        if branch.name == source and branch.staged:
            tell(
                f"{counted(branch.staged, 'write')} on {source} is in no commit yet: "
                f"strongroom commit {bucket} -b {source}",
                style="yellow",
            )


def _show_conflicts(problem: ApiProblem, advice: str, *, json: bool) -> int:
    """Show what both sides changed; raises any other problem."""
    found = conflicts_in(problem)
    if found is None:
        raise problem
    print_json(found.conflicts) if json else _print_conflicts(found, advice)
    return FAILED


def _print_conflicts(found: Conflicts, advice: str) -> None:
    rows = [
        (one.path, _state(one.base), _state(one.ours), _state(one.theirs))
        for one in found.conflicts[:SHOWN]
    ]
    print_table(("conflict", "before", "ours", "theirs"), rows)
    total = max(found.conflicts_total, len(found.conflicts))
    tell(
        f"{counted(total, 'path')} changed on both sides; nothing was changed. {advice}",
        style="yellow",
    )


def _state(state: FileState | None) -> str:
    return "no file" if state is None else f"{short(state.sha256)} ({human_size(state.size)})"


def _kind(change: EntryChange) -> str:
    if change.after is None:
        return "D"
    return "A" if change.before is None else "M"
