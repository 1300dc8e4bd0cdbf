"""Whatever the edits and their order, a tree is the one that its entries alone determine."""

from hashlib import sha256
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.versioning.domain import tree
from services.versioning.domain.errors import EmptyPath, TextNotEncodable, UnsortedEntries
from services.versioning.domain.tree import Entry
from services.versioning.domain.tree.boundary import MAX_ITEMS, MIN_ITEMS, ends_node
from tests.domain.versioning.trees import Store, an_entry, applied

pytestmark = pytest.mark.domain

PATHS = [f"{'ab'[i % 2]}/{i % 7}/file-{i:03d}.txt" for i in range(250)]
PATHS += [sha256(str(i).encode()).hexdigest()[: 4 + i % 40] for i in range(250)]
Changes = dict[str, Entry | None]

odd_paths = st.text(alphabet="ab/.é\uffff\U0001f600", min_size=1, max_size=12)
few_changes = st.dictionaries(
    st.one_of(st.sampled_from(PATHS), odd_paths),
    st.one_of(st.none(), st.integers(0, 3).map(an_entry)),
    max_size=12,
)


@st.composite
def many_changes(draw: st.DrawFn) -> Changes:
    """Fill, change or remove a stretch of paths, or paths all over the place."""
    random = Random(draw(st.integers(0, 2**32)))
    start, length = draw(st.integers(0, 499)), draw(st.integers(1, 200))
    chosen = draw(
        st.sampled_from((sorted(PATHS)[start : start + length], random.sample(PATHS, length)))
    )
    content = draw(st.integers(0, 3))
    entry = an_entry(content) if content else None
    return dict.fromkeys(chosen, entry)


histories = st.lists(st.one_of(few_changes, many_changes()), min_size=1, max_size=6)


@settings(max_examples=40)
@given(histories)
def test_the_same_entries_give_the_same_root_whatever_the_edits(history: list[Changes]) -> None:
    store, root = Store(), tree.EMPTY.node_id
    model: dict[str, Entry] = {}
    for changes in history:
        root = store.edit(root, changes)
        model = applied(model, changes)

        assert root == Store().build(model)
        assert store.entries(root) == model


@settings(max_examples=25)
@given(st.integers(0, 2**32), st.integers(1, 60))
def test_single_edits_in_any_order_give_the_root_of_one_edit(seed: int, length: int) -> None:
    store = Store()
    base = store.build({path: an_entry() for path in PATHS[:300]})
    changes: list[tuple[str, Entry | None]]
    changes = [(path, an_entry(7)) for path in Random(seed).sample(PATHS, length)]
    changes += [(path, None) for path, _ in changes[::3]]

    one_by_one = base
    for path, entry in changes:
        one_by_one = store.edit(one_by_one, {path: entry})

    assert one_by_one == store.edit(base, dict(changes))


@settings(max_examples=25)
@given(many_changes())
def test_an_undone_edit_gives_the_former_root(changes: Changes) -> None:
    store = Store()
    before = {path: an_entry() for path in PATHS[::2]}
    base = store.build(before)

    there = store.edit(base, changes)
    back = store.edit(there, {path: before.get(path) for path in changes})

    assert back == base


@settings(max_examples=25)
@given(many_changes())
def test_an_edit_returns_exactly_the_nodes_that_the_new_tree_adds(changes: Changes) -> None:
    store = Store()
    base = store.build({path: an_entry() for path in PATHS[::2]})
    old = set(store.nodes)

    edited = store.run(tree.edit(base, changes))

    store.nodes |= {node_id: new.data for node_id, new in edited.nodes.items()}
    reached = store.reachable(edited.root) if edited.count else {}
    entries = store.entries(edited.root)
    assert edited.nodes.keys() - old == reached.keys() - old
    assert edited.nodes.keys() <= reached.keys()
    assert edited.count == len(entries)
    assert edited.size == sum(entry.size for entry in entries.values())


def test_a_leaf_that_vanishes_leaves_the_separator_behind_it_right() -> None:
    store = Store()
    root = store.build(dict.fromkeys(PATHS, an_entry()))

    for leaf in store.reachable(root).values():
        if leaf.level == 0:
            gone = {item.key.decode() for item in leaf.items}
            remaining = dict.fromkeys(set(PATHS) - gone, an_entry())
            assert store.edit(root, dict.fromkeys(gone)) == Store().build(remaining)


def test_a_tree_grown_and_shrunk_file_by_file_has_the_root_of_its_entries_all_the_way() -> None:
    store, root = Store(), tree.EMPTY.node_id
    roots = [Store().build(dict.fromkeys(sorted(PATHS)[:n], an_entry())) for n in range(200)]

    for count, path in enumerate(sorted(PATHS)[:199], start=1):
        root = store.edit(root, {path: an_entry()})
        assert root == roots[count]
    for count in reversed(range(199)):
        root = store.edit(root, {sorted(PATHS)[count]: None})
        assert root == roots[count]


def test_changing_nothing_reads_little_and_adds_no_node() -> None:
    store = Store()
    root = store.build({path: an_entry() for path in PATHS})

    edited = store.run(tree.edit(root, {PATHS[3]: an_entry(), "not/there": None}))

    assert edited.root == root
    assert edited.nodes == {}


def test_an_emptied_tree_is_the_empty_tree() -> None:
    store = Store()
    root = store.build({path: an_entry() for path in PATHS})

    assert store.edit(root, dict.fromkeys(PATHS)) == tree.EMPTY.node_id
    assert store.run(tree.edit(tree.EMPTY.node_id, {"a": None})).root == tree.EMPTY.node_id
    assert store.queries == []


def test_a_changed_file_rewrites_one_node_a_level() -> None:
    store = Store()
    root = store.build({path: an_entry() for path in PATHS})

    edited = store.run(tree.edit(root, {PATHS[123]: an_entry(5)}))

    assert len(edited.nodes) == store.depth(root)
    assert store.queries == [1] * store.depth(root)


def test_an_edit_of_many_files_asks_once_a_level() -> None:
    store = Store()
    root = store.build({path: an_entry() for path in PATHS})

    store.run(tree.edit(root, {path: an_entry(5) for path in PATHS[::5]}))

    assert len(store.queries) == store.depth(root)


@pytest.mark.parametrize("hit", [True, False], ids=["always", "never"])
def test_paths_chosen_to_end_nodes_always_or_never_keep_nodes_within_their_bounds(
    hit: bool,
) -> None:
    store = Store()
    names = (f"{i}" for i in range(10_000))
    chosen = [name for name in names if ends_node(0, name.encode(), MIN_ITEMS) == hit][:400]
    root = store.build({path: an_entry() for path in chosen})

    leaves = [node for node in store.reachable(root).values() if node.level == 0]
    edited = store.edit(root, {"!": an_entry()})

    bound = MIN_ITEMS if hit else MAX_ITEMS
    assert max(len(leaf.items) for leaf in leaves) == bound
    assert edited == Store().build({path: an_entry() for path in [*chosen, "!"]})


def test_paths_out_of_order_are_refused() -> None:
    with pytest.raises(UnsortedEntries):
        list(tree.build([("b", an_entry()), ("a", an_entry())]))
    with pytest.raises(UnsortedEntries):
        list(tree.build([("a", an_entry()), ("a", an_entry())]))


def test_a_path_that_no_file_can_have_is_refused() -> None:
    store = Store()
    with pytest.raises(TextNotEncodable):
        store.edit(tree.EMPTY.node_id, {"a\ud800": an_entry()})
    with pytest.raises(EmptyPath):
        store.edit(tree.EMPTY.node_id, {"": an_entry()})
