from typing import get_args

import pytest

from libs.contracts.progress import FINAL_STATES, TaskState
from services.progress.domain.states import MOVES

STATES: tuple[TaskState, ...] = get_args(TaskState)


def test_every_state_is_in_the_table_and_leads_to_states_of_it() -> None:
    assert set(MOVES) == set(STATES)
    assert {state for moves in MOVES.values() for state in moves.values()} <= set(STATES)


@pytest.mark.parametrize("state", STATES)
def test_every_state_can_be_left_for_an_end_unless_it_is_one(state: TaskState) -> None:
    reached, new = {state}, {state}
    while new:
        new = {after for known in new for after in MOVES[known].values()} - reached
        reached |= new

    assert reached & FINAL_STATES


def test_a_task_that_is_over_only_moves_when_somebody_wants_it_again() -> None:
    for state in FINAL_STATES:
        left = {deed for deed, after in MOVES[state].items() if after != state}
        assert left <= {"rerun"}
    assert not MOVES["succeeded"]


def test_only_a_running_task_can_succeed() -> None:
    assert {state for state in STATES if "succeed" in MOVES[state]} == {"running", "cancelling"}
