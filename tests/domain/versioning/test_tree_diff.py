"""A difference of two trees is that of two dicts, and costs what the changes cost."""

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.versioning.domain import tree
from services.versioning.domain.tree import Delta, Entry
from tests.domain.versioning.trees import Store, an_entry, applied

pytestmark = pytest.mark.domain

PATHS = [f"{i % 3}/{i % 7}/{i:03d}" for i in range(600)]


@st.composite
def two_states(draw: st.DrawFn) -> tuple[dict[str, Entry], dict[str, Entry]]:
    random = Random(draw(st.integers(0, 2**32)))
    before = {path: an_entry() for path in random.sample(PATHS, draw(st.integers(0, 600)))}
    touched = random.sample(PATHS, draw(st.integers(0, 60)))
    contents = [None, an_entry(), an_entry(1)]
    after = applied(before, {path: random.choice(contents) for path in touched})
    return before, draw(st.sampled_from((after, after, {})))


def naive_diff(before: dict[str, Entry], after: dict[str, Entry]) -> list[Delta]:
    return [
        Delta(path, before.get(path), after.get(path))
        for path in sorted(before.keys() | after.keys())
        if before.get(path) != after.get(path)
    ]


@settings(max_examples=40)
@given(two_states(), st.sampled_from(["", "1/", "2/3/1", "9"]))
def test_a_difference_is_that_of_the_entries(
    states: tuple[dict[str, Entry], dict[str, Entry]], prefix: str
) -> None:
    before, after = states
    store = Store()
    roots = store.build(before), store.build(after)

    difference = store.run(tree.diff(*roots, prefix=prefix))

    expected = [delta for delta in naive_diff(before, after) if delta.path.startswith(prefix)]
    assert difference.deltas == expected
    assert difference.next is None


@settings(max_examples=25)
@given(two_states(), st.integers(1, 40))
def test_pages_together_are_the_whole_difference(
    states: tuple[dict[str, Entry], dict[str, Entry]], limit: int
) -> None:
    before, after = states
    store = Store()
    roots = store.build(before), store.build(after)

    found: list[Delta] = []
    start_after: str | None = ""
    while start_after is not None:
        page = store.run(tree.diff(*roots, start_after=start_after, limit=limit))
        found += page.deltas
        start_after = page.next

    assert found == naive_diff(before, after)


def test_equal_trees_differ_in_nothing_and_only_the_root_is_read() -> None:
    store = Store()
    root = store.build({path: an_entry() for path in PATHS})

    assert store.run(tree.diff(root, root)).deltas == []
    assert sum(store.queries) == 1


def test_one_change_reads_one_node_a_level_of_each_side() -> None:
    store = Store()
    root = store.build({path: an_entry() for path in PATHS})
    other = store.edit(root, {PATHS[99]: an_entry(1)})

    store.run(tree.diff(root, other))

    assert store.queries == [2] * store.depth(root)


def test_a_page_of_a_great_difference_does_not_read_all_of_it() -> None:
    store = Store()
    root = store.build({f"{i:05d}": an_entry(i) for i in range(10_000)})

    page = store.run(tree.diff(tree.EMPTY.node_id, root, limit=10))

    assert len(page.deltas) == 10
    assert sum(store.queries) < len(store.nodes) / 3
