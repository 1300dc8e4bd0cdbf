"""``commit`` and ``staged``: what becomes a commit, and what waits to be one."""

import asyncio
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from libs.client.cli.bars import TransferBar
from libs.client.cli.changing import confirm
from libs.client.cli.connect import FOUND, Connect
from libs.client.cli.examples import EXAMPLES
from libs.client.cli.groups import VERSIONS
from libs.client.cli.location import Location, Place
from libs.client.cli.output import AsJson, counted, print_json, print_table, say, short, tell, when
from libs.client.client import Client
from libs.client.failures import Usage
from libs.client.files import ListedFile, guess_type
from libs.client.parallel import each
from libs.client.trees import LocalFile, joined, same, walk
from libs.contracts.storage import PathChange, PutContent, RemovePath
from libs.contracts.versioning import CommitMade, StagedChange

Branch = Annotated[str, Parameter(name=["--branch", "-b"], help="Which branch.")]
Message = Annotated[str, Parameter(name=["--message", "-m"], help="Why.")]

staged = App(
    name="staged",
    group=VERSIONS,
    help="Writes on a branch that wait for a commit: list, discard.",
    help_epilogue=EXAMPLES["staged"],
)


async def commit(
    place: Place,
    source: Annotated[
        Path | None, Parameter(help="A file or directory; else what is staged on the branch.")
    ] = None,
    /,
    *,
    branch: Branch = "main",
    message: Message = "",
    exact: Annotated[
        bool, Parameter(negative=(), help="Files that are not below SOURCE are removed.")
    ] = False,
    json: AsJson = False,
    connect: Connect = FOUND,
) -> None:
    """Commit what is staged on a branch, or a directory: all of it or nothing."""
    if source is None and (place.path or exact):
        raise Usage("what is staged is committed as a whole: strongroom commit BUCKET -b BRANCH")
    async with connect.client() as client:
        if source is None:
            made = await client.commits.create(place.bucket, branch=branch, message=message)
        else:
            found = await asyncio.to_thread(_files, source, place)
            made = await _commit_files(client, place, found, branch, message, exact=exact)
    if json:
        print_json([made])
    else:
        say(told(branch, made))


def told(branch: str, made: CommitMade) -> str:
    """Return in one line what became of a branch."""
    if made.commit is None or not made.changed:
        return f"{branch}: nothing to change"
    return (
        f"{branch}: {counted(made.changed, 'file')} changed, now at {short(made.commit.commit_id)}"
    )


@staged.command(name=["list", "ls"])
async def list_staged(
    place: Place,
    /,
    *,
    branch: Branch,
    json: AsJson = False,
    connect: Connect = FOUND,
) -> None:
    """List what is staged on a branch."""
    async with connect.client() as client:
        below = client.staging.list(place.bucket, branch, place.path)
        found = [one async for one in below]
    if json:
        print_json(found)
        return
    rows = [(_kind(one), one.path, when(one.staged_at), one.staged_by) for one in found]
    print_table(("", "path", "staged", "by"), rows)


@staged.command
async def discard(
    place: Place,
    /,
    *,
    branch: Branch,
    yes: Annotated[
        bool, Parameter(name=["--yes", "-y"], negative=(), help="Do not ask before.")
    ] = False,
    connect: Connect = FOUND,
) -> None:
    """Forget what is staged: one path, all below a prefix (bucket/dir/), or everything."""
    if place.is_prefix and not yes:
        confirm(f"Forget all that is staged on {branch} below {place}?")
    async with connect.client() as client:
        left = await client.staging.discard(
            place.bucket,
            branch,
            path=None if place.is_prefix else place.path,
            prefix=place.path if place.is_prefix and place.path else None,
        )
    say(f"{branch}: {counted(left.discarded, 'write')} forgotten, {left.staged} left")


def _kind(one: StagedChange) -> str:
    if one.after is None:
        return "D"
    return "A" if one.before is None else "M"


def _files(source: Path, place: Location) -> dict[str, LocalFile]:
    """Return the files that ``source`` stands for by the path that each gets."""
    if not source.is_dir():
        path = place.path + source.name if place.is_prefix else place.path
        return {path: LocalFile(source.name, source, source.stat().st_size)}
    tree = walk(source)
    for name in tree.left_out:
        tell(f"left out: {name} is no readable file with a UTF-8 name", style="yellow")
    return {joined(place.path, file.name): file for file in tree.files}


async def _commit_files(
    client: Client,
    place: Location,
    files: dict[str, LocalFile],
    branch: str,
    message: str,
    *,
    exact: bool,
) -> CommitMade:
    """Upload what is different and let one commit name it."""
    head = (await client.branches.get(place.bucket, branch)).commit_id
    known = await _known(client, place, branch if head else None)
    changes: list[PathChange] = []
    size = sum(file.size for file in files.values())
    with TransferBar("commit", files=len(files), size=size) as bar:

        async def upload(path: str) -> None:
            file = files[path]
            if await asyncio.to_thread(same, file, known.get(path)):
                bar.skip(file.size)
                return
            content = await client.contents.put(place.bucket, file.path, on_bytes=bar.on_bytes)
            kind = guess_type(path)
            changes.append(PutContent(path=path, sha256=content.sha256, content_type=kind))
            bar.done()

        failed = await each(files, upload, jobs=8)
    for _, why in failed:
        raise why  # nothing was committed, so one reason says enough
    if exact:
        changes += [RemovePath(path=path) for path in known if path not in files]
    return await _commit(client, place.bucket, changes, branch, message, head)


async def _known(client: Client, place: Location, ref: str | None) -> dict[str, ListedFile]:
    prefix = place.below if place.path else ""
    return {file.path: file async for file in client.files.list(place.bucket, prefix, ref=ref)}


async def _commit(
    client: Client,
    bucket: str,
    changes: list[PathChange],
    branch: str,
    message: str,
    head: str | None,
) -> CommitMade:
    if not changes:
        return CommitMade(commit=None, changed=0)
    return await client.commits.create(
        bucket,
        sorted(changes, key=lambda change: change.path),
        branch=branch,
        message=message,
        expect_head=head,
    )
