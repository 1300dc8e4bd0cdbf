"""``strongroom fsck`` and ``strongroom doctor``: operators' commands on the running stack."""

import asyncio
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Annotated

import httpx
import msgspec
from cyclopts import App, Parameter
from msgspec import Struct
from rich.console import Console
from rich.table import Table
from rich.text import Text

from deploy.local.cli import Root, told_in_one_line
from deploy.local.credentials import SERVICES
from deploy.local.home import CHECKOUT, Home
from deploy.local.migrations import service_command
from deploy.local.run_file import read_run_file
from deploy.local.stack import Stack
from libs.chassis.checkup import Finding, Level, exit_code
from libs.chassis.run import MISUSED

ANSWER_WITHIN_S = 120
HEALTH_WITHIN_S = 10.0
NEARLY_FULL = 0.9
STYLES = {"ok": "green", "warn": "yellow", "fail": "bold red"}
SIGNS = {"ok": "✓", "warn": "!", "fail": "✗"}

AsJson = Annotated[bool, Parameter(name="--json", negative=())]


class _Health(Struct):
    """What the gateway says of all parts."""

    status: str
    parts: dict[str, str]


fsck = App(name="fsck", help="Compare records and stores: exit 0 equal, 1 different, 3 not known.")
doctor = App(name="doctor", help="Say how every part is: exit 0 well, 1 worth a look, 2 broken.")


@fsck.default
@told_in_one_line()
def check(
    *,
    deep: Annotated[bool, Parameter(negative=())] = False,
    json: AsJson = False,
    root: Root = CHECKOUT,
) -> int:
    """Compare files with blobs and blobs with objects, both ways, beside the running platform.

    Parameters
    ----------
    deep
        Read every byte, and prove it by its digest.
    json
        Print one JSON object.
    """
    options = [*(["--deep"] if deep else []), *(["--json"] if json else [])]
    done = subprocess.run(
        service_command("storage", "fsck", *options),
        cwd=CHECKOUT,
        env={**os.environ, **Stack(root).attach().env("storage")},
        check=False,
    )
    return done.returncode


@doctor.default
@told_in_one_line()
def examine(*, json: AsJson = False, root: Root = CHECKOUT) -> int:
    """Say how safe and how well every part is, and what to do about it.

    Parameters
    ----------
    json
        Print one JSON list of findings.
    """
    stack = Stack(root).attach()
    findings = [_platform(Home.of(root)), *asyncio.run(_ask_all(stack)), _disk(Home.of(root))]
    if json:
        sys.stdout.write(msgspec.json.encode(findings).decode() + "\n")
    else:
        _show(findings)
    return exit_code(findings)


def _platform(home: Home) -> Finding:
    """Ask the gateway how everything is: it knows whether uploads bypass the primary store."""
    told = read_run_file(home)
    if told is None:
        todo = "make run"
        return Finding(part="gateway", level="fail", says="the stack is not running", todo=todo)
    try:
        answer = httpx.get(f"{told.url}/api/v1/system/health", timeout=HEALTH_WITHIN_S)
        health = msgspec.json.decode(answer.content, type=_Health)
    except (httpx.HTTPError, msgspec.DecodeError) as error:
        return Finding(part="gateway", level="fail", says=f"no answer: {type(error).__name__}")
    unwell = ", ".join(f"{part} {state}" for part, state in health.parts.items() if state != "ok")
    if not unwell:
        return Finding(part="gateway", level="ok", says=f"{told.url}: all parts answer")
    level: Level = "warn" if health.status == "degraded" else "fail"
    todo = "see `strongroom local logs`"
    return Finding(part="gateway", level=level, says=f"{health.status}: {unwell}", todo=todo)


async def _ask_all(stack: Stack) -> list[Finding]:
    answers = await asyncio.gather(*(_ask(stack, service) for service in SERVICES))
    return [finding for findings in answers for finding in findings]


async def _ask(stack: Stack, service: str) -> list[Finding]:
    """Have a service examine itself, in a process of its own."""
    process = await asyncio.create_subprocess_exec(
        *service_command(service, "doctor", "--json"),
        cwd=CHECKOUT,
        env={**os.environ, **stack.env(service)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(ANSWER_WITHIN_S):
            said, complained = await process.communicate()
        return msgspec.json.decode(said, type=list[Finding])
    except TimeoutError:
        process.kill()
        return [Finding(part=service, level="fail", says="does not end its checkup")]
    except msgspec.DecodeError:
        lines = complained.decode(errors="replace").strip().splitlines() or ["said nothing"]
        todo = "correct its settings" if process.returncode == MISUSED else ""
        return [Finding(part=service, level="fail", says=lines[-1], todo=todo)]


def _disk(home: Home) -> Finding:
    disk = shutil.disk_usage(_existing(home.path))
    nearly_full = disk.used > disk.total * NEARLY_FULL
    return Finding(
        part="disk",
        level="warn" if nearly_full else "ok",
        says=f"{disk.free / 1e9:,.1f} of {disk.total / 1e9:,.1f} GB are free at {home.path}",
        todo="make room: PostgreSQL stops when the disk is full" if nearly_full else "",
    )


def _existing(path: Path) -> Path:
    return path if path.exists() else path.parent


def _show(findings: list[Finding]) -> None:
    console = Console(highlight=False)
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for finding in findings:
        says = Text(finding.says)
        if finding.todo:
            says.append(f"\n→ {finding.todo}", style="italic")
        style = STYLES[finding.level]
        table.add_row(Text(SIGNS[finding.level], style=style), Text(finding.part), says)
    console.print(table)
    counts = {level: sum(f.level == level for f in findings) for level in STYLES}
    console.print(
        Text(f"{counts['ok']} are well, ")
        + Text(f"{counts['warn']} worth a look, ", style=STYLES["warn"] if counts["warn"] else "")
        + Text(f"{counts['fail']} broken", style=STYLES["fail"] if counts["fail"] else "")
    )
