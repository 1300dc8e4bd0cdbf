"""F17: whatever a client does and whatever breaks meanwhile, a bucket is what a dict says.

``STRONGROOM_TEST_STEPS`` sets how many steps are taken, ``STRONGROOM_TEST_SEED`` which ones.
"""

import os
from collections.abc import Iterator
from typing import TypeAlias

import httpx
import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from tests.faults.cables import Cables, cabled_platform
from tests.faults.conftest import SEED, SERVICES
from tests.faults.disturbing import (
    CRASHES,
    FAULTS,
    Breaking,
    Crash,
    Crowd,
    Damage,
    Fault,
    disturbed,
    whole_again,
)
from tests.faults.processes import operate
from tests.faults.walking import CONTENTS, FOLDERS, PATHS, Kind, Step, Walker
from tests.platform import Platform
from tests.waiting import eventually

STEPS = int(os.environ.get("STRONGROOM_TEST_STEPS", "16"))
STEPS_OF_A_WALK = min(max(8, STEPS // 10), 40)

KINDS = st.builds(
    Kind,
    versioning=st.sampled_from(["auto", "off"]),
    compression=st.sampled_from(["off", "zstd"]),
    encryption=st.sampled_from(["off", "aes-256-gcm"]),
    trash=st.booleans(),
)
A_PATH = st.sampled_from(PATHS)
A_CONTENT = st.integers(0, CONTENTS - 1)
A_STEP = st.builds(
    Step,
    what=st.sampled_from(
        ["put"] * 4
        + ["delete", "copy", "move", "move folder"]
        + ["restore version", "restore trash", "empty trash"]
    ),
    path=A_PATH,
    other=A_PATH,
    content=A_CONTENT,
    condition=st.sampled_from(["always", "always", "new", "same", "other"]),
    folders=st.tuples(st.sampled_from(FOLDERS), st.sampled_from(FOLDERS)),
)
A_BREAKING = st.one_of(
    st.builds(
        Fault,
        happening=st.sampled_from(FAULTS),
        after_ms=st.integers(0, 60),
        steps=st.lists(A_STEP, min_size=1, max_size=4),
    ),
    st.builds(
        Crash,
        where=st.sampled_from(CRASHES),
        nth=st.integers(1, 3),
        start=st.integers(0, 20),
    ),
    st.builds(Damage, path=A_PATH, content=A_CONTENT, percent=st.integers(0, 99)),
    st.builds(Crowd, leaves=st.booleans(), chance=st.integers(0, 1000)),
)


Move: TypeAlias = str | Step | Breaking
"""Read a path, make a change, or have something break."""

A_MOVE: st.SearchStrategy[Move] = st.one_of(A_PATH, A_STEP, A_BREAKING)


@pytest.fixture(scope="module")
def cabled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Platform, Cables]]:
    """Services whose servers are behind cables, and who clean up at once.

    With every other seed they have a fallback for the store.
    """
    fallback = f"file://{tmp_path_factory.mktemp('fallback')}"
    with_fallback = {
        "STRONGROOM_STORAGE_FALLBACK_STORE_URL": fallback,
        "STRONGROOM_GATEWAY_FALLBACK_STORE_URL": fallback,
    }
    variables = {
        **(with_fallback if SEED % 2 else {}),
        "STRONGROOM_STORAGE_BLOB_GRACE_S": "1",
        "STRONGROOM_STORAGE_OBJECT_GRACE_S": "5",
        "STRONGROOM_STORAGE_BLOB_WALK_INTERVAL_S": "5",
        "STRONGROOM_STORAGE_SWEEP_INTERVAL_S": "0.5",
        "STRONGROOM_GATEWAY_ANSWER_TIMEOUT_S": "3",
    }
    with cabled_platform(SERVICES, variables) as (platform, cables):
        yield platform, cables


@pytest.fixture(autouse=True)
def converged() -> None:
    """Every walk looks for itself, at a platform of its own."""


@pytest.mark.timeout(600 + 15 * STEPS)
@seed(SEED)
@settings(
    max_examples=max(1, STEPS // STEPS_OF_A_WALK),
    phases=[Phase.generate, Phase.shrink],
    database=None,
    suppress_health_check=list(HealthCheck),
)
# All of a walk is drawn before its first step: what the platform does decides nothing about it.
@given(kind=KINDS, moves=st.lists(A_MOVE, min_size=STEPS_OF_A_WALK, max_size=STEPS_OF_A_WALK))
async def test_a_bucket_is_what_a_dict_says(
    cabled: tuple[Platform, Cables], kind: Kind, moves: list[Move]
) -> None:
    platform, cables = cabled
    async with httpx.AsyncClient(
        base_url=platform.url,
        headers={"Authorization": f"Bearer {platform.admin_key}"},
        timeout=30.0,
    ) as http:
        walker = Walker(platform, http, kind)
        await whole_again(walker)
        await walker.begin()
        try:
            for move in moves:
                await make(move, walker, cables)
                await walker.look()
        finally:
            cables.mend()
        await walker.settle()
        await walker.look_at_all()
        await eventually(lambda: no_difference(platform), timeout_s=20, pause_s=1)
        print(f"{kind}: {walker.requests} requests, {walker.in_doubt} in doubt")


async def make(move: Move, walker: Walker, cables: Cables) -> None:
    if isinstance(move, str):
        await walker.read(move)
    elif isinstance(move, Step):
        await walker.take(move)
    else:
        await disturbed(walker, cables, move)


async def no_difference(platform: Platform) -> bool:
    """See that counters are right, and that every byte is where records say."""
    for words in (("recount",), ("fsck", "--deep")):
        code, said = await operate(platform, "storage", *words)
        assert code == 0, said
    return True
