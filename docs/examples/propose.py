"""Propose a change on a branch, show what differs, and merge it."""

import asyncio
import sys

from libs.client import Client


async def propose(bucket: str, path: str, text: str) -> None:
    async with Client() as client:
        await client.branches.create(bucket, "proposal")
        await client.staging.put(bucket, "proposal", path, text.encode())
        await client.commits.create(bucket, branch="proposal", message=f"Propose {path}")
        print((await client.diffs.content(bucket, path, "main", "proposal")).unified, end="")
        merged = await client.merges.merge(bucket, "proposal", message=f"Accept {path}")
        print(f"{merged.changed} changed; main has:")
        async for commit in client.versions.commits(bucket, limit=3):
            print(commit.commit_id[:12], commit.author, commit.message)
        await client.branches.delete(bucket, "proposal")


asyncio.run(propose(*sys.argv[1:]))
