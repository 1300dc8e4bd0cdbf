"""F17: whatever is done on branches and whatever dies meanwhile, history is what dicts say.

``STRONGROOM_TEST_STEPS`` sets how many steps are taken, ``STRONGROOM_TEST_SEED`` which ones.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from random import Random
from typing import NamedTuple, TypeAlias

import httpx
import pytest

from tests.faults.branch_model import MAIN
from tests.faults.branch_walking import (
    BRANCHES,
    CONTENTS,
    PATHS,
    BranchWalker,
    Step,
    Unanswered,
)
from tests.faults.conftest import SERVICES
from tests.faults.processes import dying, started
from tests.platform import Platform, running_platform

STEPS = int(os.environ.get("STRONGROOM_TEST_STEPS", "36"))
WEIGHTS = {
    "write": 8,
    "commit": 6,
    "commit staged": 4,
    "merge": 12,
    "revert": 2,
    "restore": 2,
    "reset": 1,
    "create": 3,
    "delete": 1,
}
ON_MAIN = ("commit", "merge", "merge")
ON_A_BRANCH = ("write", "commit")
MOVES = {"step": 12, "pair": 2, "crowd": 3, "kill": 1, "crash": 1}


class Kill(NamedTuple):
    """F1: a service dies a moment after this change was asked for."""

    service: str
    after_ms: int
    step: Step


class Crash(NamedTuple):
    """F1: a service dies where it comes for the nth time to a place between two steps."""

    where: tuple[str, str, str]
    nth: int
    start: int


class Together(NamedTuple):
    """Changes at the same moment; files of main are put by one of them at most."""

    steps: list[Step]


CRASHES = [
    ("versioning", "before_record", "write"),
    ("versioning", "after_record", "write"),
    ("versioning", "before_apply", "merge"),
    ("versioning", "after_apply", "merge"),
    ("versioning", "after_apply", "commit"),
    ("versioning", "relay_after_ack", "commit"),
    ("versioning", "before_stage", "stage"),
    ("versioning", "after_stage", "stage"),
    ("storage", "before_commit", "write"),
    ("storage", "after_commit", "write"),
    ("storage", "relay_after_ack", "merge"),
]
Move: TypeAlias = Step | Kill | Crash | Together


def a_step(rng: Random, *whats: str, branch: str | None = None) -> Step:
    """Draw a change; what it does not need is drawn as well."""
    what = rng.choice(whats) if whats else rng.choices([*WEIGHTS], [*WEIGHTS.values()])[0]
    places = BRANCHES[1:] if what in ("commit staged", "create", "delete") else BRANCHES
    return Step(
        what,
        branch=branch or rng.choice(places),
        other=rng.choice(BRANCHES),
        path=rng.choice(PATHS),
        content=a_content(rng),
        second=(rng.choice(PATHS), a_content(rng)),
        back=rng.choice([0, 0, 1, 1, 2, 3]),
        how=rng.choice(["refuse", "ours", "theirs", "each", "each"]),
        squash=rng.random() < 0.2,
    )


def a_content(rng: Random) -> int | None:
    return None if rng.random() < 0.25 else rng.randrange(CONTENTS)


def a_move(rng: Random, *, crowded: bool) -> Move:
    """Draw what happens next; only ``crowded`` walks have changes at the same moment."""
    match rng.choices([*MOVES], [*MOVES.values()])[0]:
        case "pair" if crowded:
            return Together([a_step(rng, *ON_MAIN, branch=MAIN) for _ in range(2)])
        case "crowd" if crowded:
            return Together(
                [
                    a_step(rng),
                    a_step(rng, *ON_MAIN, branch=MAIN),
                    a_step(rng, *ON_A_BRANCH, branch=BRANCHES[1]),
                ]
            )
        case "kill":
            service = rng.choice(["versioning", "versioning", "storage"])
            return Kill(service, rng.randrange(40), a_step(rng))
        case "crash":
            return Crash(rng.choice(CRASHES), rng.randint(1, 2), rng.randrange(20))
    return a_step(rng)


@pytest.fixture(scope="module")
def lasting() -> Iterator[Platform]:
    """Services that soon give each other up."""
    variables = {
        "STRONGROOM_GATEWAY_ANSWER_TIMEOUT_S": "5",
        "STRONGROOM_VERSIONING_APPLY_TIMEOUT_S": "4",
    }
    with running_platform(SERVICES, variables) as platform:
        yield platform


@pytest.fixture(autouse=True)
def converged() -> None:
    """Every walk looks for itself, at a platform of its own."""


@pytest.mark.timeout(300 + 15 * STEPS)
@pytest.mark.parametrize("twice", [False, True], ids=["one", "two-at-once"])
async def test_branches_are_what_dicts_say(lasting: Platform, rng: Random, twice: bool) -> None:
    """F1, and F14 with two replicas of versioning and several changes at once."""
    async with walking(lasting, rng) as walker, replicas(lasting, twice):
        for number in range(STEPS // 2):
            move = a_move(rng, crowded=twice)
            print(f"{number}: {move}")
            await make(move, walker, twice=twice)
        print(
            f"{walker.requests} requests, {walker.commits} commits, {walker.in_doubt} in doubt, "
            f"refused: {dict(walker.refusals)}"
        )


@asynccontextmanager
async def walking(platform: Platform, rng: Random) -> AsyncIterator[BranchWalker]:
    """Begin with files on main, or now and then with nothing."""
    await asyncio.to_thread(platform.stack.wait_ready, *platform.stack.services)
    headers = {"Authorization": f"Bearer {platform.admin_key}"}
    async with httpx.AsyncClient(base_url=platform.url, headers=headers) as http:
        walker = BranchWalker(platform, http)
        await walker.begin()
        for number, path in enumerate(PATHS if rng.random() < 0.8 else ()):
            await walker.take(Step("write", path=path, content=number))
        for name in BRANCHES[1:]:
            await walker.take(Step("create", branch=name, other=MAIN))
        yield walker


@asynccontextmanager
async def replicas(platform: Platform, twice: bool) -> AsyncIterator[None]:
    if not twice:
        yield
        return
    async with started(platform, "versioning", {}):
        yield


async def make(move: Move, walker: BranchWalker, *, twice: bool) -> None:
    match move:
        case Step():
            await walker.take(move)
        case Together():
            await walker.together(one_put(move.steps))
        case Kill():
            await killed(walker, move)
        case Crash() if twice and move.where[0] == "versioning":
            # The other replica would do it: this one would never come to its crash point.
            service, _, kind = move.where
            await killed(walker, Kill(service, move.start, crash_step(kind, move.start)))
        case Crash():
            await crashed(walker, move)


def one_put(steps: list[Step]) -> list[Step]:
    """Leave out all puts of files of main but one: those of a moment become one commit."""
    puts = [step for step in steps if step.what == "write" and step.branch == MAIN]
    return [step for step in steps if step not in puts[1:]]


async def killed(walker: BranchWalker, kill: Kill) -> None:
    walker.calm = False
    call = walker.call(kill.step)
    sending = asyncio.create_task(walker.send(call))
    await asyncio.sleep(kill.after_ms / 1000)
    walker.platform.stack.kill(kill.service)
    answer = await sending
    await whole_again(walker)
    await walker.compare([call], [answer])


async def crashed(walker: BranchWalker, crash: Crash) -> None:
    """Make changes of the kind that leads to the crash point until it kills; then see."""
    service, point, kind = crash.where
    walker.calm = False
    call, answer, number = None, None, crash.start
    async with dying(walker.platform, service, f"{point}:{crash.nth}") as process:
        while process.returncode is None:
            number += 1
            call = walker.call(crash_step(kind, number))
            answer = await walker.send(call)
            if answer is None:
                await asyncio.wait_for(process.wait(), 10)
                break
            try:
                await walker.compare([call], [answer])
            except Unanswered:
                await asyncio.wait_for(process.wait(), 10)
                break
            call = None
    await whole_again(walker)
    if call is not None:
        await walker.compare([call], [answer])


def crash_step(kind: str, number: int) -> Step:
    """Return a change that changes something, other than the one before."""
    path, content = PATHS[number % len(PATHS)], number % CONTENTS
    match kind:
        case "write":
            return Step("write", path=path, content=content)
        case "stage":
            return Step("write", branch=BRANCHES[1], path=path, content=content)
        case "commit":
            return Step("commit", path=path, content=content, second=("number", number % CONTENTS))
    if number % 2:
        return Step("commit", branch=BRANCHES[1], path=path, content=content)
    return Step("merge", other=BRANCHES[1], how="theirs")


async def whole_again(walker: BranchWalker) -> None:
    platform = walker.platform
    await asyncio.to_thread(platform.stack.wait_ready, *platform.stack.services)
    walker.calm = True
