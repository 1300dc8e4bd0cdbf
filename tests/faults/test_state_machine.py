"""F17: whatever a client does and whatever breaks meanwhile, a bucket is what a dict says.

``STRONGROOM_TEST_STEPS`` sets how many steps are taken, ``STRONGROOM_TEST_SEED`` which ones.
"""

import asyncio
import os
from collections.abc import Coroutine, Iterator
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    get_state_machine_test,
    initialize,
    invariant,
    rule,
)

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


class Walk(RuleBasedStateMachine):
    """One client, one bucket, and faults in between."""

    def __init__(self, platform: Platform, cables: Cables) -> None:
        super().__init__()
        self.platform = platform
        self.cables = cables
        self.runner = asyncio.Runner()
        self.http = httpx.AsyncClient(
            base_url=platform.url,
            headers={"Authorization": f"Bearer {platform.admin_key}"},
            timeout=30.0,
        )
        self.walker = Walker(platform, self.http, Kind())

    def run(self, doing: Coroutine[Any, Any, None]) -> None:
        self.runner.run(doing)

    @initialize(kind=KINDS)
    def begin(self, kind: Kind) -> None:
        self.walker = Walker(self.platform, self.http, kind)
        self.run(whole_again(self.walker))
        self.run(self.walker.begin())

    @rule(step=A_STEP)
    def change(self, step: Step) -> None:
        self.run(self.walker.take(step))

    @rule(path=A_PATH)
    def read(self, path: str) -> None:
        self.run(self.walker.read(path))

    @rule(breaking=A_BREAKING)
    def disturb(self, breaking: Breaking) -> None:
        self.run(disturbed(self.walker, self.cables, breaking))

    @invariant()
    def all_looks_as_it_should(self) -> None:
        if not self._initialize_rules_to_run:
            self.run(self.walker.look())

    def teardown(self) -> None:
        try:
            self.cables.mend()
            if not self._initialize_rules_to_run:
                self.run(self.converge())
            self.run(self.http.aclose())
        finally:
            self.runner.close()

    async def converge(self) -> None:
        """Everything reads as it should, counters are right, and fsck finds nothing."""
        walker = self.walker
        print(f"{walker.kind}: {walker.requests} requests, {walker.in_doubt} in doubt")
        await walker.settle()
        await walker.look_at_all()

        async def no_difference() -> bool:
            for words in (("recount",), ("fsck", "--deep")):
                code, said = await operate(self.platform, "storage", *words)
                assert code == 0, said
            return True

        await eventually(no_difference, timeout_s=20, pause_s=1)


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
    settings = {
        **(with_fallback if SEED % 2 else {}),
        "STRONGROOM_STORAGE_BLOB_GRACE_S": "1",
        "STRONGROOM_STORAGE_OBJECT_GRACE_S": "5",
        "STRONGROOM_STORAGE_BLOB_WALK_INTERVAL_S": "5",
        "STRONGROOM_STORAGE_SWEEP_INTERVAL_S": "0.5",
        "STRONGROOM_GATEWAY_ANSWER_TIMEOUT_S": "3",
    }
    with cabled_platform(SERVICES, settings) as (platform, cables):
        yield platform, cables


@pytest.fixture(autouse=True)
def converged() -> None:
    """Every walk looks for itself, at a platform of its own."""


@pytest.mark.timeout(600 + 15 * STEPS)
def test_a_bucket_is_what_a_dict_says(cabled: tuple[Platform, Cables]) -> None:
    walks = get_state_machine_test(
        lambda: Walk(*cabled),  # type: ignore[arg-type]
        settings=settings(
            max_examples=max(1, STEPS // STEPS_OF_A_WALK),
            stateful_step_count=STEPS_OF_A_WALK,
            phases=[Phase.generate, Phase.shrink],
            database=None,
            deadline=None,
            print_blob=True,
            suppress_health_check=list(HealthCheck),
        ),
    )
    print(f"STRONGROOM_TEST_SEED={SEED}")
    seed(SEED)(walks)()
