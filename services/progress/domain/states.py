"""The state machine of a task, as a table.

    waiting ──▶ queued ──▶ running ──▶ succeeded | failed | cancelled
                  ▲          │  ╲
                  └ retrying ◀┘   ╲▶ cancelling ──▶ cancelled | succeeded

A task waits for others (*waiting*), for a worker (*queued*), or for a pause to end (*retrying*).
"""

from typing import Literal

from libs.contracts.progress import TaskState

Deed = Literal[
    "dispatch",  # offer the next attempt to the workers of the queue, or offer it again
    "begin",  # a worker claims the attempt, or an external program begins
    "succeed",
    "fail",  # for good
    "pause",  # fail with attempts left
    "stop",  # the worker stops because it was asked to, or wants to
    "give_back",  # the worker shuts down
    "cancel",  # somebody does not want it any more
    "rerun",  # somebody wants a task that is over once more
]

MOVES: dict[TaskState, dict[Deed, TaskState]] = {
    "waiting": {"dispatch": "queued", "fail": "failed", "cancel": "cancelled"},
    "queued": {"dispatch": "queued", "begin": "running", "cancel": "cancelled"},
    "retrying": {"dispatch": "queued", "cancel": "cancelled"},
    "running": {
        "succeed": "succeeded",
        "fail": "failed",
        "pause": "retrying",
        "stop": "cancelled",
        "give_back": "queued",
        "cancel": "cancelling",
    },
    "cancelling": {
        "succeed": "succeeded",  # it was too late to cancel
        "fail": "cancelled",
        "pause": "cancelled",
        "stop": "cancelled",
        "give_back": "cancelled",
        "cancel": "cancelling",
    },
    "succeeded": {},
    "failed": {"rerun": "queued"},
    "cancelled": {"rerun": "queued", "cancel": "cancelled"},
}


def may(state: TaskState, deed: Deed) -> bool:
    """Tell whether ``deed`` can be done to a task in ``state``."""
    return deed in MOVES[state]


def after(state: TaskState, deed: Deed) -> TaskState:
    """Return the state that ``deed`` leads to; ``KeyError`` when it cannot be done."""
    return MOVES[state][deed]
