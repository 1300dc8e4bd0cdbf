"""The examples of ``docs/examples`` that need nothing but the client."""

import asyncio
import sys

from libs.client import Client
from libs.contracts.ids import new_id
from tests.service.client.command import CHECKOUT, Command
from tests.service.client.recording import put


async def test_a_change_is_proposed_shown_and_merged(
    strongroom: Command, client: Client, bucket: str
) -> None:
    unique = new_id().hex
    await put(client, bucket, "plan.md", f"first {unique}\n".encode())

    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *(str(CHECKOUT / "docs/examples/propose.py"), bucket, "plan.md", f"second {unique}\n"),
        env=strongroom.environment,
        stdout=asyncio.subprocess.PIPE,
    )
    out, _ = await process.communicate()

    assert process.returncode == 0
    assert f"-first {unique}\n+second {unique}\n" in out.decode()
    assert "1 changed; main has:\n" in out.decode()
    assert await client.files.get(bucket, "plan.md") == f"second {unique}\n".encode()
    assert [one.name async for one in client.branches.list(bucket)] == ["main"]
