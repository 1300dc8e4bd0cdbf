"""What live clients may say."""

import pytest

from libs.contracts.problems import Problem
from services.gateway.domain.live import (
    Seen,
    Subscribe,
    Topic,
    Unsubscribe,
    read_message,
    read_topic,
)

TASK = "01a20057-43b7-7967-b65f-50fbc2b54b6c"


def test_subscribing_may_tell_what_was_seen_last() -> None:
    text = '{"type":"subscribe","topic":"bucket.abc","since":{"epoch":"e","offset":"1.2"}}'

    assert read_message(text) == Subscribe("bucket.abc", Seen("e", "1.2"))
    assert read_message(b'{"type":"unsubscribe","topic":"x"}') == Unsubscribe("x")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "nonsense",
        "[]",
        '{"type":"destroy"}',
        '{"type":"subscribe"}',
        '{"type":"subscribe","topic":7}',
        '{"type":"subscribe","topic":"a","is_admin":true}',
        '{"type":"subscribe","topic":"a","x":' + "[" * 60_000,
    ],
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(Problem) as refused:
        read_message(text)

    assert refused.value.status == 400


def test_topics_are_tasks_and_buckets() -> None:
    assert read_topic(f"task.{TASK}") == Topic("task", TASK)
    assert read_topic("bucket.reports").name == "bucket.reports"


@pytest.mark.parametrize(
    "name",
    ["", "task.", "task.*", "task.>", "bucket.*", "bucket.A", "bucket.a.b", "user.x", "x" * 9999],
)
def test_wildcards_and_strangers_are_no_topics(name: str) -> None:
    with pytest.raises(Problem):
        read_topic(name)
