"""The example in the README is a program that works."""

import asyncio
import re
import sys
from pathlib import Path

import libs.worker
from tests.platform import Platform
from tests.service.progress.ledger import Ask
from tests.service.worker.working import an_order, done

README = Path(libs.worker.__file__).with_name("README.md")


async def test_the_worker_of_the_readme_runs_a_task(
    ask: Ask, platform: Platform, tmp_path: Path
) -> None:
    blocks = re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    [source] = [block for block in blocks if "asyncio.run(main())" in block]
    program = tmp_path / "pictures.py"
    program.write_text(source, encoding="utf-8")
    order = an_order("pictures.resize", "pictures", args={"width": 80, "pictures": ["a", "b"]})
    await ask(order)

    process = await asyncio.create_subprocess_exec(
        sys.executable,
        str(program),
        platform.nats_url,
        env={"PYTHONPATH": str(README.parents[2])},
    )
    try:
        task = await done(ask, order.task_id)
    finally:
        process.kill()
        await process.wait()

    assert (task.state, task.result) == ("succeeded", {"resized": 2})
