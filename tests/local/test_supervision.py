"""What is killed comes back; what cannot start is tried again, less and less often."""

import sys
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from deploy.local import Stack
from deploy.local.programs import Program
from deploy.local.watching import Watch


def noting(name: str, notes: Path, then: str) -> Program:
    """A program that notes the time of each of its starts."""
    script = notes.with_suffix(".py")
    script.write_text(
        "import pathlib, time\n"
        f"with pathlib.Path({str(notes)!r}).open('a') as notes: print(time.time(), file=notes)\n"
        f"{then}\n"
    )
    return Program(
        name=name,
        group="services",
        command=(sys.executable, "-S", str(script)),
        directory=notes.parent,
        healthy_after_s=1,
    )


def starts_in(notes: Path) -> list[float]:
    return [float(line) for line in notes.read_text().split()] if notes.exists() else []


def wait_for_starts(notes: Path, count: int, within_s: float) -> list[float]:
    deadline = time.monotonic() + within_s
    while len(starts_in(notes)) < count:
        assert time.monotonic() < deadline, f"only {len(starts_in(notes))} starts"
        time.sleep(0.02)
    return starts_in(notes)


@pytest.fixture(scope="module")
def notes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("notes")


@pytest.fixture(scope="module")
def stack(notes: Path) -> Iterator[Stack]:
    steady = noting("steady", notes / "steady", "time.sleep(600)")
    failing = noting("failing", notes / "failing", "raise SystemExit(1)")
    with Stack.temporary(also=[steady, failing]) as stack:
        yield stack


def test_a_killed_service_comes_back_within_a_second_or_so(stack: Stack, notes: Path) -> None:
    wait_for_starts(notes / "steady", 1, 5)
    time.sleep(1.2)  # running, no longer starting
    killed = stack.kill("steady")
    killed_at = time.time()

    _, second = wait_for_starts(notes / "steady", 2, 5)

    assert second - killed_at < 1.6
    assert stack.servers.postgres.is_ready()
    assert killed not in [process.pid for process in stack.processes()]


def test_a_failing_start_is_tried_again_with_growing_pauses(stack: Stack, notes: Path) -> None:
    starts = wait_for_starts(notes / "failing", 4, 20)

    pauses = [after - before for before, after in pairwise(starts)]

    # A busy machine makes pauses longer and never shorter.
    for pause, least in zip(pauses, (0.5, 1.0, 1.5), strict=True):
        assert pause > least


@pytest.mark.parametrize("server", ["nats", "postgres", "s3"])
def test_a_killed_server_comes_back(stack: Stack, server: str) -> None:
    watch = Watch(stack.home, stack.ports)
    watch.look(stack.processes())

    stack.kill(server)
    deadline = time.monotonic() + 10
    while watch.restarts.get(server) is None and time.monotonic() < deadline:
        watch.look(stack.processes())
        time.sleep(0.05)

    stack.wait_ready(server)
    assert watch.restarts == {server: 1}


def test_a_halted_server_stays_away_until_resumed(stack: Stack) -> None:
    stack.halt("nats")
    assert not stack.servers.nats.is_ready()

    stack.resume("nats")

    assert stack.servers.nats.is_ready()
