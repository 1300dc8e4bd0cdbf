"""``snapshot`` and ``targets``: copies of buckets in another place, proven and brought back."""

from typing import Annotated
from uuid import UUID

from cyclopts import App, Parameter

from libs.client.cli.connect import FOUND, Connect
from libs.client.cli.groups import BACKUPS
from libs.client.cli.output import AsJson, human_size, print_json, print_table, say, when
from libs.client.cli.tasks import follow
from libs.client.client import Client
from libs.contracts.backup import SnapshotInfo
from libs.contracts.progress import TaskAccepted

snapshot = App(
    name="snapshot", group=BACKUPS, help="Snapshots of buckets: take, list, verify, restore."
)
targets = App(name="targets", group=BACKUPS, help="Places that snapshots are written to.")

Wait = Annotated[bool, Parameter(negative=(), help="Follow the task until its end.")]
Target = Annotated[str, Parameter(help="Where to; see `strongroom targets ls`.")]
SnapshotId = Annotated[UUID, Parameter(help="See `strongroom snapshot ls`.")]


@snapshot.command
async def take(
    bucket: str, /, *, target: Target = "local", wait: Wait = False, connect: Connect = FOUND
) -> None:
    """Copy a bucket as it is now to a target; only what is not there yet is copied."""
    async with connect.client() as client:
        accepted = await client.snapshots.take(bucket, target=target)
        say(f"snapshot {accepted.snapshot_id}")
        await _follow_or_tell(client, accepted, wait=wait)
        if wait:
            done = await client.snapshots.get(accepted.snapshot_id)
            say(
                f"{done.files:,} files, {human_size(done.bytes)}, "
                f"of which {human_size(done.copied_bytes)} were new to {done.target}"
            )


@snapshot.command(name="ls")
async def list_snapshots(
    bucket: str | None = None,
    /,
    *,
    limit: Annotated[int, Parameter(name=["--limit", "-n"], help="At most so many.")] = 50,
    json: AsJson = False,
    connect: Connect = FOUND,
) -> None:
    """List snapshots, newest first."""
    async with connect.client() as client:
        found = [one async for one in client.snapshots.list(bucket=bucket, limit=limit)]
    if json:
        print_json(found)
        return
    headings = ("snapshot", "bucket", "target", "state", ">files", ">size", "shows", "verified")
    rows = [
        (
            one.snapshot_id,
            one.bucket,
            one.target,
            one.state,
            one.files,
            human_size(one.bytes),
            when(one.exported_at or one.created_at),
            _verdict(one),
        )
        for one in found
    ]
    print_table(headings, rows)


@snapshot.command
async def verify(
    snapshot_id: SnapshotId, /, *, wait: Wait = False, connect: Connect = FOUND
) -> int:
    """Read a snapshot back from its target and hash every byte again."""
    async with connect.client() as client:
        task = await client.snapshots.verify(snapshot_id)
        await _follow_or_tell(client, task, wait=wait)
        if not wait:
            return 0
        proven = await client.snapshots.get(snapshot_id)
    say(f"{proven.files - proven.damaged:,} of {proven.files:,} files are whole")
    return 1 if proven.damaged else 0


@snapshot.command
async def restore(
    snapshot_id: SnapshotId,
    /,
    *,
    into: Annotated[str | None, Parameter(help="Another existing bucket.")] = None,
    path: Annotated[
        list[str] | None, Parameter(negative=(), help="Only this file; may be said again.")
    ] = None,
    prefix: Annotated[str | None, Parameter(help="Only what is below.")] = None,
    wait: Wait = False,
    connect: Connect = FOUND,
) -> None:
    """Bring files of a snapshot back; files that it does not know stay as they are."""
    async with connect.client() as client:
        task = await client.snapshots.restore(snapshot_id, into=into, paths=path, prefix=prefix)
        await _follow_or_tell(client, task, wait=wait)


@targets.command
async def add(name: str, url: str, /, *, connect: Connect = FOUND) -> None:
    """Register a target: file:///directory or s3://key:secret@host:port/bucket."""
    async with connect.client() as client:
        target = await client.targets.create(name, url)
    say(f"{target.name}: {target.url}, {target.durability}")


@targets.command(name="ls")
async def list_targets(*, json: AsJson = False, connect: Connect = FOUND) -> None:
    """List targets."""
    async with connect.client() as client:
        found = [target async for target in client.targets.list()]
    if json:
        print_json(found)
        return
    rows = [(one.name, one.url, one.durability, when(one.created_at)) for one in found]
    print_table(("target", "url", "durability", "created"), rows)


@targets.command(name="rm")
async def remove(name: str, /, *, connect: Connect = FOUND) -> None:
    """Forget a target; its snapshots stay where they are."""
    async with connect.client() as client:
        await client.targets.delete(name)


async def _follow_or_tell(client: Client, task: TaskAccepted, *, wait: bool) -> None:
    if wait:
        await follow(client, task)
    else:
        say(f"task {task.task_id}; follow it with: strongroom tasks watch {task.task_id}")


def _verdict(one: SnapshotInfo) -> str:
    if one.verified_at is None:
        return "no"
    return f"{one.damaged} damaged" if one.damaged else when(one.verified_at)
