"""Commits are written behind those that they name."""

from libs.client.git.ordering import parents_first

HISTORY: dict[str, list[str]] = {"a": [], "b": ["a"], "c": ["a"], "d": ["b", "c"], "e": ["c"]}


def test_a_commit_comes_behind_its_parents_and_once() -> None:
    order = parents_first(["d", "e"], HISTORY.__getitem__)

    assert sorted(order) == sorted(HISTORY)
    assert all(order.index(parent) < order.index(one) for one in order for parent in HISTORY[one])


def test_what_is_known_is_left_out() -> None:
    assert parents_first(["d"], HISTORY.__getitem__, known=["a", "b"]) == ["c", "d"]


def test_a_history_may_be_longer_than_the_stack() -> None:
    count = 50_000

    order = parents_first([count], lambda one: [one - 1] if one else [])

    assert order == list(range(count + 1))
