"""Reading a tree gives what a dict gives, and reads little for it."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.versioning.domain import tree
from services.versioning.domain.tree import Entry, Listing, Usage
from tests.domain.versioning.trees import Store, an_entry

pytestmark = pytest.mark.domain

names = st.text(alphabet="ab/-é\U0001f600", min_size=1, max_size=8)
numbered = st.integers(0, 3).flatmap(
    lambda folders: st.integers(0, 400).map(
        lambda count: {f"{i % (folders + 1)}/{i % 5}/{i:03d}" for i in range(count)}
    )
)
path_sets = st.builds(set[str].union, st.sets(names, max_size=60), numbered)


def naive_scan(paths: list[str], prefix: str, delimiter: str, after: str) -> list[str]:
    """Every name that a listing without a limit gives."""
    listed = set()
    for path in paths:
        if path.startswith(prefix):
            at = path.find(delimiter, len(prefix)) if delimiter else -1
            listed.add(path if at < 0 else path[: at + len(delimiter)])
    return sorted(name for name in listed if name > after)


def names_of(listing: Listing) -> list[str]:
    return sorted([path for path, _ in listing.entries] + listing.prefixes)


@settings(max_examples=90)
@given(
    path_sets,
    st.one_of(st.just(""), names, st.sampled_from(["0/", "1/3/", "0/1/00"])),
    st.sampled_from(["", "/", "-", "é", "/0", "\U0001f600"]),
    st.one_of(st.just(""), names, st.sampled_from(["0/", "0/2/", "1/3/013", "2"])),
    st.integers(1, 50),
)
def test_a_listing_is_that_of_the_sorted_paths(
    paths: set[str], prefix: str, delimiter: str, after: str, limit: int
) -> None:
    store = Store()
    root = store.build({path: an_entry() for path in paths})

    listing = store.run(
        tree.scan(root, prefix=prefix, delimiter=delimiter, start_after=after, limit=limit)
    )

    expected = naive_scan(sorted(paths), prefix, delimiter, after)
    assert names_of(listing) == expected[:limit]
    assert listing.next == (expected[limit - 1] if len(expected) > limit else None)


@settings(max_examples=20)
@given(path_sets, st.sampled_from(["", "/"]), st.integers(1, 40))
def test_pages_together_are_the_whole_listing(paths: set[str], delimiter: str, limit: int) -> None:
    store = Store()
    root = store.build({path: an_entry() for path in paths})

    found: list[str] = []
    after: str | None = ""
    while after is not None:
        page = store.run(tree.scan(root, delimiter=delimiter, start_after=after, limit=limit))
        found += names_of(page)
        after = page.next

    assert found == naive_scan(sorted(paths), "", delimiter, "")


@settings(max_examples=40)
@given(path_sets, st.lists(names, max_size=5))
def test_every_entry_is_found_where_it_was_put_and_nothing_else(
    paths: set[str], others: list[str]
) -> None:
    store = Store()
    entries = {path: an_entry(number) for number, path in enumerate(sorted(paths))}
    root = store.build(entries)

    assert store.run(tree.get(root, [*paths, *others])) == entries


@settings(max_examples=40)
@given(path_sets, st.one_of(st.just(""), names, st.sampled_from(["0/", "1/3/", "0/1/00"])))
def test_usage_counts_the_files_below_a_prefix(paths: set[str], prefix: str) -> None:
    store = Store()
    entries = {path: an_entry(number) for number, path in enumerate(sorted(paths))}
    root = store.build(entries)

    inside = [entry.size for path, entry in entries.items() if path.startswith(prefix)]
    assert store.run(tree.usage(root, prefix)) == Usage(len(inside), sum(inside))


def a_large_tree(store: Store) -> tree.NodeId:
    """50 folders of 100 files."""
    return store.build({f"{i // 100:02d}/{i:04d}": an_entry(i) for i in range(5000)})


def test_a_page_of_a_flat_listing_asks_once_a_level_for_what_it_shows() -> None:
    store = Store()
    root = a_large_tree(store)

    page = store.run(tree.scan(root, start_after="21/", limit=100))

    assert len(page.entries) == 100
    assert len(store.queries) == store.depth(root)
    assert sum(store.queries) <= 25


def test_folders_are_listed_without_reading_the_files_in_them() -> None:
    store = Store()
    root = a_large_tree(store)
    all_nodes = len(store.nodes)

    page = store.run(tree.scan(root, delimiter="/", limit=1000))

    assert page.prefixes == [f"{i:02d}/" for i in range(50)]
    assert sum(store.queries) < all_nodes / 3


def test_usage_of_a_folder_reads_two_nodes_a_level_at_most() -> None:
    store = Store()
    root = a_large_tree(store)

    assert store.run(tree.usage(root, "17/")).count == 100
    assert max(store.queries) <= 2


def test_an_entry_comes_back_with_everything_said_about_it() -> None:
    store = Store()
    said: dict[str, Entry] = {
        "plain": an_entry(1),
        "typed": an_entry(2, content_type="application/x.of-our-own; v=1"),
        "described": an_entry(3, metadata={"b": "2", "a": "é"}),
        "tagged": an_entry(4, tags={"team": ""}),
        "both": an_entry(5, metadata={"a": "1"}, tags={"a": "x" * 300}),
        "huge": Entry(b"\xff" * 32, 2**62, "text/plain"),
    }

    root = store.build(said)

    assert store.run(tree.get(root, said)) == said
