"""Print what happens to files, as it happens."""

import asyncio
import os

import nats
from nats.aio.msg import Msg

from libs.contracts import envelope
from libs.contracts.storage import FileDeleted, FilesChanged, FileStored


async def show(message: Msg) -> None:
    match envelope.decode(message.headers, message.data):
        case FileStored(bucket=bucket, path=path, revision=revision, size=size):
            print(f"+ {bucket}/{path} version {revision}, {size} bytes", flush=True)
        case FileDeleted(bucket=bucket, path=path):
            print(f"- {bucket}/{path}", flush=True)
        case FilesChanged(bucket=bucket, operation=operation, changed=changed):
            print(f"* {bucket}: {operation} of {len(changed)} files", flush=True)


async def main() -> None:
    bus = await nats.connect(os.environ["STRONGROOM_NATS_URL"])
    for event in (FileStored, FileDeleted, FilesChanged):
        await bus.subscribe(event.every(), cb=show)
    await asyncio.Event().wait()


asyncio.run(main())
