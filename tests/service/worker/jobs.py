"""Jobs that workers of the tests run. What they did is told on the bus they are given."""

import asyncio

from msgspec import Struct

from libs.contracts.problems import Problem
from libs.worker import Task, runs


class Diary:
    """What jobs of this process did, in order."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.go_on = asyncio.Event()


class CountArgs(Struct, forbid_unknown_fields=True):
    """How far to count, and how fast."""

    to: int
    pause_s: float = 0.0


class Counted(Struct):
    """What counting came to."""

    counted: int
    resumed_from: int


class Name(Struct):
    """What a job is called in the diary."""

    name: str


class Nothing(Struct):
    """No arguments."""


class OutOfPaper(Problem):
    """The printer has no paper."""

    code, status = "out-of-paper", 507


@runs("test.count")
async def count(task: Task, args: CountArgs) -> Counted:
    first = int((task.resumed_from or {}).get("at", 0))
    for number in range(first, args.to):
        task.raise_if_cancelled()
        task.progress(done=number, total=args.to, unit="items", current_step=f"number {number}")
        await task.checkpoint({"at": number + 1})
        await asyncio.sleep(args.pause_s)
    task.progress(done=args.to)
    task.log("info", f"counted to {args.to}")
    return Counted(counted=args.to, resumed_from=first)


@runs("test.write")
async def write(task: Task, args: Name, diary: Diary) -> None:
    diary.lines.append(args.name)


@runs("test.hold")
async def hold(task: Task, args: Name, diary: Diary) -> dict[str, str]:
    """Hold a slot, deaf to everything, until the test says so."""
    diary.lines.append(f"begin {args.name}")
    try:
        await diary.go_on.wait()
    except asyncio.CancelledError:
        diary.lines.append(f"stopped {args.name}")
        raise
    diary.lines.append(f"end {args.name}")
    return {}


@runs("test.refuse")
async def refuse(task: Task, args: Nothing) -> None:
    raise OutOfPaper("tray 2")


@runs("test.pass-by")
async def pass_by(task: Task, args: Nothing) -> dict[str, int]:
    if task.attempt == 1:
        raise OutOfPaper("tray 2", retry_after_s=0.1)
    return {"attempt": task.attempt}


@runs("test.break")
async def break_(task: Task, args: Nothing) -> dict[str, int]:
    if task.attempt < 3:
        raise ValueError("the secret is 42")
    return {"attempt": task.attempt}


@runs("test.boast")
async def boast(task: Task, args: Nothing) -> dict[str, str]:
    return {"x": "y" * 300_000}
