"""``log`` and ``restore``: what was, and back to it."""

from datetime import datetime
from typing import Annotated

from cyclopts import Parameter

from libs.client.cli.connect import FOUND, Connect
from libs.client.cli.location import Location, Place
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
from libs.client.client import Client
from libs.client.failures import FileNotFound, Usage
from libs.contracts.versioning import CommitInfo, VersionInfo

Limit = Annotated[int, Parameter(name=["--limit", "-n"], help="At most so many.")]


async def log(
    place: Place,
    /,
    *,
    limit: Limit = 50,
    ref: Annotated[
        str | None, Parameter(help="Commits that led to this branch, tag or commit.")
    ] = None,
    author: Annotated[str | None, Parameter(help="Only commits of this actor.")] = None,
    since: Annotated[
        datetime | None, Parameter(help="Only commits not older; local unless it names a zone.")
    ] = None,
    until: Annotated[datetime | None, Parameter(help="Only commits not newer.")] = None,
    grep: Annotated[
        str | None, Parameter(help="Only commits whose message has this text somewhere.")
    ] = None,
    json: AsJson = False,
    connect: Connect = FOUND,
) -> None:
    """Show the versions of a file, or commits, newest first.

    Of a file with --ref or a filter: the commits that changed it.
    """
    filters = (ref, author, since, until, grep)
    async with connect.client() as client:
        if place.path and all(each is None for each in filters):
            of_file = client.versions.of(place.bucket, place.path, limit=limit)
            versions = [version async for version in of_file]
            print_json(versions) if json else print_versions(versions)
            return
        found = client.versions.commits(
            place.bucket,
            ref=ref,
            path=place.path or None,
            author=author,
            since=since and since.astimezone(),
            until=until and until.astimezone(),
            message=grep,
            limit=limit,
        )
        commits = [commit async for commit in found]
    print_json(commits) if json else _print_commits(commits)


async def restore(
    place: Place,
    /,
    *,
    to: Annotated[
        str | None,
        Parameter(help="Commit, branch, tag or moment (@2026-11-20T10:00Z); see `strongroom log`."),
    ] = None,
    version: Annotated[
        int | None, Parameter(help="Version of one file; see `strongroom log BUCKET/PATH`.")
    ] = None,
    branch: Annotated[
        str | None, Parameter(name=["--branch", "-b"], help="Which branch; else main.")
    ] = None,
    message: Annotated[str, Parameter(name=["--message", "-m"], help="Why.")] = "",
    connect: Connect = FOUND,
) -> None:
    """Make a file, everything below a prefix (bucket/dir/), or a bucket as it was.

    The restore is a new commit; no bytes move, and `revert` takes it back.
    """
    if (to is None) == (version is None):
        raise Usage("say either --to COMMIT or --version N")
    async with connect.client() as client:
        commit = to or await _commit_of(client, place, version or 0)
        restored = await client.versions.restore(
            place.bucket,
            commit,
            paths=None if place.is_prefix else [place.path],
            prefix=place.path if place.is_prefix and place.path else None,
            branch=branch,
            message=message,
        )
    changed = counted(restored.changed, "file") + " changed" if restored.changed else "no change"
    say(f"{place}: {changed}, now at commit {short(restored.commit_id)}")


async def _commit_of(client: Client, place: Location, version: int) -> str:
    if place.is_prefix:
        raise Usage("--version is of one file, not of a prefix")
    async for found in client.versions.of(place.bucket, place.path):
        if found.version == version:
            return found.commit_id
    raise FileNotFound(f"{place} has no version {version}")


def print_versions(versions: list[VersionInfo]) -> None:
    """Print the versions of a file as a table."""
    headings = (">version", "operation", ">size", "sha256", "when", "commit", "by", "message")
    rows = [
        (
            one.version,
            one.operation,
            "" if one.sha256 is None else human_size(one.size),
            "given up" if one.expired else short(one.sha256),
            when(one.created_at),
            short(one.commit_id),
            one.author,
            one.message,
        )
        for one in versions
    ]
    print_table(headings, rows)


def _print_commits(commits: list[CommitInfo]) -> None:
    headings = ("commit", "when", "operation", ">files", ">size", "by", "message")
    rows = [
        (
            short(one.commit_id),
            when(one.created_at),
            one.operation,
            one.files,
            human_size(one.bytes),
            one.author,
            one.message.partition("\n")[0],
        )
        for one in commits
    ]
    print_table(headings, rows)
