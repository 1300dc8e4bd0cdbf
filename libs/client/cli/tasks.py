"""``tasks``: long work, its state, its log, its end."""

from contextlib import aclosing
from typing import Annotated
from uuid import UUID

from cyclopts import App, Parameter

from libs.client.cli.bars import TaskBar
from libs.client.cli.connect import FOUND, Connect
from libs.client.cli.groups import HAPPENING
from libs.client.cli.output import AsJson, lasted, print_json, print_table, say, tell, when
from libs.client.client import Client
from libs.client.tasks import succeeded
from libs.contracts.progress import FINAL_STATES, TaskAccepted, TaskInfo, TaskState

tasks = App(name="tasks", group=HAPPENING, help="Long work: list, show, follow, cancel.")


@tasks.command(name="ls")
async def list_tasks(
    *,
    state: Annotated[TaskState | None, Parameter(help="Only those.")] = None,
    limit: Annotated[int, Parameter(name=["--limit", "-n"], help="At most so many.")] = 50,
    json: AsJson = False,
    connect: Connect = FOUND,
) -> None:
    """List tasks, newest first."""
    async with connect.client() as client:
        found = [task async for task in client.tasks.list(state=state, limit=limit)]
    if json:
        print_json(found)
        return
    headings = ("task", "what", "state", ">done", "created", ">lasted", "message")
    rows = [
        (
            task.task_id,
            task.title or task.kind,
            task.state,
            "" if task.progress is None else f"{task.progress:.0%}",
            when(task.created_at),
            lasted(task.started_at, task.finished_at),
            task.problem.detail if task.problem else task.message,
        )
        for task in found
    ]
    print_table(headings, rows)


@tasks.command
async def show(task_id: UUID, /, *, json: AsJson = False, connect: Connect = FOUND) -> None:
    """Show a task and what it wrote."""
    async with connect.client() as client:
        task = await client.tasks.get(task_id)
        if json:
            print_json([task])
            return
        print_table(("field", "value"), _fields(task))
        async for line in client.tasks.logs(task_id):
            say(f"{when(line.at)} {line.level:7} {line.message}")


@tasks.command
async def cancel(task_id: UUID, /, *, connect: Connect = FOUND) -> None:
    """Ask a task to stop at its next safe point."""
    async with connect.client() as client:
        task = await client.tasks.cancel(task_id)
    say(f"{task.task_id} is {task.state}")


@tasks.command
async def watch(task_id: UUID, /, *, connect: Connect = FOUND) -> None:
    """Follow a task until its end; exit 0 only if it succeeded."""
    async with connect.client() as client:
        await follow(client, task_id)


async def follow(client: Client, task_id: UUID | TaskAccepted) -> TaskInfo:
    """Draw a task while it runs and return it; raises ``TaskFailed`` unless it succeeded.

    Without a terminal every new step is a line.
    """
    told = ""
    with TaskBar() as bar:
        async with aclosing(client.tasks.watch(task_id)) as states:
            async for task in states:
                bar.show(task)
                step = f"{task.state} {task.current_step}".strip()
                if not bar.visible and step != told and task.state not in FINAL_STATES:
                    tell(f"{task.title or task.kind}: {step}")
                    told = step
    say(f"{task.title or task.kind}: {task.state} in {lasted(task.created_at, task.finished_at)}")
    return succeeded(task)


def _fields(task: TaskInfo) -> list[tuple[str, object]]:
    done = f"{task.done} of {task.total or '?'} {task.unit}" if task.done or task.total else ""
    shown: list[tuple[str, object]] = [
        ("task", task.task_id),
        ("what", task.title or task.kind),
        ("kind", task.kind),
        ("state", task.state),
        ("attempt", f"{task.attempt} of {task.max_attempts}"),
        ("done", done),
        ("step", task.current_step),
        ("message", task.message),
        ("problem", f"{task.problem.detail} [{task.problem.code}]" if task.problem else ""),
        ("created", f"{when(task.created_at)} by {task.created_by}"),
        ("finished", when(task.finished_at)),
    ]
    results = [(f"result {name}", value) for name, value in (task.result or {}).items()]
    return [(name, value) for name, value in (*shown, *results) if value != ""]
