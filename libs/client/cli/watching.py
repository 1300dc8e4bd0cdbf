"""``watch``: what happens, while it happens."""

from contextlib import aclosing
from datetime import datetime
from typing import Annotated
from uuid import UUID

from cyclopts import Parameter

from libs.client.cli.connect import FOUND, Connect
from libs.client.cli.output import AsJson, counted, human_size, print_json, say, short, tell
from libs.client.cli.tasks import follow
from libs.client.live import Gap
from libs.contracts.base import Event
from libs.contracts.storage import FileDeleted, FilesChanged, FileStored
from libs.contracts.versioning import VersionCreated


async def watch(
    what: Annotated[str, Parameter(help="A bucket, or the id of a task.")],
    /,
    *,
    json: AsJson = False,
    connect: Connect = FOUND,
) -> None:
    """Show what happens in a bucket as it happens, or follow a task; Ctrl-C ends it."""
    task_id = _task_id(what)
    async with connect.client() as client:
        if task_id is not None:
            await follow(client, task_id)
            return
        await client.buckets.get(what)
        async with aclosing(client.live.bucket(what)) as events:
            async for event in events:
                if isinstance(event, Gap):
                    tell("events were missed; `strongroom log` shows all", style="yellow")
                elif json:
                    print_json([{"type": event.type, "event": event}])
                else:
                    say(f"{datetime.now().astimezone():%H:%M:%S} {sentence(event)}")


def sentence(event: Event) -> str:
    """Return an event in one line for people."""
    match event:
        case FileStored():
            return (
                f"{event.type}  {event.path}  version {event.revision}, "
                f"{human_size(event.size)}, {event.operation} by {event.actor}"
            )
        case FileDeleted():
            return f"{event.type}  {event.path}  version {event.revision}, by {event.actor}"
        case FilesChanged():
            files = counted(event.files or len(event.changed), "file")
            return f"{event.type}  {files}, {event.operation} by {event.actor}"
        case VersionCreated():
            return f"{event.type}  commit {short(event.commit_id)}, {event.changed} changed"
        case _:
            return event.type


def _task_id(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
