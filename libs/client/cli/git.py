"""``git``: histories brought into a bucket, and taken out again."""

import asyncio
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter
from dulwich.objects import ObjectID

from libs.client.cli.bars import StepBar
from libs.client.cli.connect import FOUND, Connect
from libs.client.cli.examples import EXAMPLES
from libs.client.cli.groups import VERSIONS
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
from libs.client.failures import Usage
from libs.client.git import records
from libs.client.git.exporting import Exporter
from libs.client.git.importing import Counted, Importer
from libs.client.git.names import refused_ref
from libs.client.git.placing import MAIN, Placed, Placing
from libs.client.git.source import NamedCommit, Source, Survey
from libs.client.git.target import place_refs, target_at
from libs.client.git.walking import walk
from libs.contracts.versioning import TagInfo

SHOWN = 20

git = App(
    name="git",
    group=VERSIONS,
    help="Histories of git: import, export.",
    help_epilogue=EXAMPLES["git"],
)


@git.command(name="import")
async def import_(
    repository: Annotated[Path, Parameter(help="A git repository here, bare or not.")],
    bucket: str,
    /,
    *,
    branch: Annotated[
        list[str] | None,
        Parameter(name=["--branch", "-b"], negative=(), help="Only it; may be said again."),
    ] = None,
    all: Annotated[  # noqa: A002 - the option's name
        bool, Parameter(negative=(), help="Every branch; else the one that is checked out.")
    ] = False,
    tags: Annotated[bool, Parameter(negative=(), help="Tags, too.")] = False,
    main: Annotated[
        str | None,
        Parameter(help="This branch becomes what the files show; unsaid, git's `main` does."),
    ] = None,
    skip_submodules: Annotated[
        bool, Parameter(negative=(), help="Leave submodules out; else they refuse the import.")
    ] = False,
    json: AsJson = False,
    connect: Connect = FOUND,
) -> int:
    """Bring a git repository's commits, branches and tags along; again, only what is new.

    Every commit keeps its author, time, message and parents, and `git export` gives it its id back.
    """
    source = Source(repository)
    try:
        branches = _chosen(source, branch or [], main, everything=all)
        named = _taggable(source) if tags else {}
        async with connect.client() as client:
            await client.buckets.get(bucket)
            return await _import(
                client, bucket, source, branches, named, main, json, skip=skip_submodules
            )
    finally:
        source.close()


@git.command
async def export(
    bucket: str,
    repository: Annotated[Path, Parameter(help="A git repository; it is made where none is.")],
    /,
    *,
    ref: Annotated[str, Parameter(help="Branch or tag.")] = MAIN,
    all: Annotated[  # noqa: A002 - the option's name
        bool, Parameter(negative=(), help="Every branch and tag.")
    ] = False,
    bare: Annotated[bool, Parameter(negative=(), help="Make it without files beside it.")] = False,
    force: Annotated[
        bool, Parameter(negative=(), help="Move git branches also where they lose commits.")
    ] = False,
    json: AsJson = False,
    connect: Connect = FOUND,
) -> int:
    """Write a bucket's history into a git repository; what came from git gets its id back."""
    async with connect.client() as client:
        branches, tags = await _refs(client, bucket, ref, everything=all)
        heads = sorted({*branches.values(), *(tag.commit_id for tag in tags)})
        with target_at(repository, bare=bare) as target:
            with StepBar("export", unit="commits") as bar:
                exporter = Exporter(
                    client, bucket, target.repo, lambda count: bar.show(count.commits)
                )
                there = await exporter.run(heads)
            commits = {name: there[head] for name, head in branches.items()}
            placed = place_refs(
                target, commits, [(tag, there[tag.commit_id]) for tag in tags], force=force
            )
    done = exporter.counted
    if done.other:
        tell(
            f"{counted(done.other, 'commit')} did not get the id of git back: "
            "submodules were left out, or headers were too long to keep",
            style="yellow",
        )
    known = f" ({done.known:,} were there)" if done.known else ""
    summary = f"{counted(done.commits, 'commit')}{known}, {counted(done.blobs, 'blob')}"
    return _tell(placed, f"exported {summary}, {human_size(done.bytes)}", json=json)


async def _import(
    client: Client,
    bucket: str,
    source: Source,
    branches: dict[str, ObjectID],
    tags: dict[str, NamedCommit],
    main: str | None,
    json: bool,
    *,
    skip: bool,
) -> int:
    heads = [*branches.values(), *(tag.commit for tag in tags.values())]
    known = await _known(client, bucket)
    order = await asyncio.to_thread(source.history, heads, known)
    await asyncio.to_thread(_survey, source, order, skip=skip)
    with StepBar("import", unit="commits", of=len(order)) as bar:

        def on_count(count: Counted) -> None:
            bar.show(count.commits, human_size(count.bytes))

        importer = Importer(client, bucket, source, on_count)
        there = await importer.run(order, known)
    placed = await _place(Placing(client, bucket, source, there), branches, tags, main)
    done = importer.counted
    if done.inexact:
        tell(
            f"{counted(done.inexact, 'commit')} with headers too long to keep: "
            "an export will give them other ids",
            style="yellow",
        )
    blobs = f"{counted(done.blobs, 'blob')}, {human_size(done.bytes)}"
    return _tell(placed, f"imported {counted(done.commits, 'commit')}, {blobs}", json=json)


async def _known(client: Client, bucket: str) -> dict[ObjectID, str]:
    """Return the commits of git that branches and tags of the bucket lead to."""
    heads = [one.commit_id async for one in client.branches.list(bucket) if one.commit_id]
    heads += [one.commit_id async for one in client.tags.list(bucket)]
    return {
        ObjectID(git_id.encode()): commit.commit_id
        async for commit in walk(client, bucket, heads)
        if (git_id := records.git_id(commit)) is not None
    }


async def _place(
    placing: Placing,
    branches: dict[str, ObjectID],
    tags: dict[str, NamedCommit],
    main: str | None,
) -> list[Placed]:
    placed = []
    for name, head in branches.items():
        if name == (main or MAIN):
            placed.append(await placing.main(name, head))
        if name != MAIN:
            placed.append(await placing.branch(name, head))
    return placed + [await placing.tag(name, named) for name, named in tags.items()]


def _chosen(
    source: Source, names: list[str], main: str | None, *, everything: bool
) -> dict[str, ObjectID]:
    """Return the branches that are meant; raises ``Usage`` for those that there are not."""
    there = source.branches()
    if everything and names:
        raise Usage("say --branch or --all, not both")
    head = source.head()
    if not (names or everything or main or head):
        raise Usage("no branch is checked out: say --branch, --main or --all")
    wanted = [*names] or ([*there] if everything else [head] if head else [])
    wanted += [main] if main is not None and main not in wanted else []
    for name in wanted:
        if name not in there:
            known = ", ".join(sorted(there)[:SHOWN]) or "none"
            raise Usage(f"the git repository has no branch {name!r}; it has: {known}")
    if main not in (None, MAIN) and MAIN in wanted:
        raise Usage(f"the bucket's main can be git's {main} or git's main: say --branch for each")
    for name in [name for name in wanted if name != MAIN]:
        if (why := refused_ref(name)) is not None:
            tell(f"left out: branch {name}: a bucket cannot have that name: {why}", style="yellow")
            wanted.remove(name)
    return {name: there[name] for name in wanted}


def _taggable(source: Source) -> dict[str, NamedCommit]:
    found: dict[str, NamedCommit] = {}
    for name, named in source.tags().items():
        why = refused_ref(name) if named is not None else "it names no commit"
        if named is None or why is not None:
            tell(f"left out: tag {name}: {why}", style="yellow")
        else:
            found[name] = named
    return found


def _survey(source: Source, order: list[ObjectID], *, skip: bool) -> None:
    """Look at everything before anything is changed; raises ``Usage`` for what cannot go."""
    with StepBar("look", unit="commits", of=len(order)) as bar:
        seen = Survey()
        for looked, so_far in enumerate(source.survey(order), 1):
            bar.show(looked)
            seen = so_far
    for path, why in sorted(seen.refused.items())[:SHOWN]:
        tell(f"refused: {path}: {why}", style="red")
    if seen.refused:
        raise Usage(f"{counted(len(seen.refused), 'path')} that a bucket cannot have; see above")
    modules = ", ".join(sorted(seen.submodules)[:SHOWN])
    if modules and not skip:
        raise Usage(f"submodules are not imported: {modules}; --skip-submodules leaves them out")
    if modules:
        tell(f"left out: submodules {modules}; export gives other ids", style="yellow")


async def _refs(
    client: Client, bucket: str, ref: str, *, everything: bool
) -> tuple[dict[str, str], list[TagInfo]]:
    """Return the branches, each with its commit, and the tags that are meant."""
    if everything:
        heads = {
            one.name: one.commit_id async for one in client.branches.list(bucket) if one.commit_id
        }
        return heads, [one async for one in client.tags.list(bucket)]
    async for branch in client.branches.list(bucket, ref):
        if branch.name == ref:
            if branch.commit_id is None:
                raise Usage(f"{bucket} has no commit on {ref}")
            return {ref: branch.commit_id}, []
    async for tag in client.tags.list(bucket, ref):
        if tag.name == ref:
            return {}, [tag]
    raise Usage(f"{bucket} has no branch or tag {ref}")


def _tell(placed: list[Placed], summary: str, *, json: bool) -> int:
    if json:
        print_json(placed)
    else:
        print_table(
            ("ref", "commit", ""), [(one.name, short(one.commit), one.state) for one in placed]
        )
        say(summary)
    return 1 if any(one.failed for one in placed) else 0
