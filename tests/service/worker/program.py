"""A worker as a user's own program: ``python -m tests.service.worker.program URL QUEUE``."""

import asyncio
import signal
import sys

from libs.chassis.bus import Bus
from libs.worker import Worker
from tests.service.worker import jobs


async def main(url: str, queue: str) -> None:
    async with Bus("program", url) as bus:
        worker = Worker(bus, queue=queue, jobs=[jobs], given=[jobs.Diary()])
        running = asyncio.create_task(worker.run())
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, running.cancel)
        await asyncio.wait({running})


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
