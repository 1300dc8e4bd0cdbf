"""What 100,000 files cost; the figures of the format's page are measured by bench/version_trees."""

import pytest

from services.versioning.domain import tree
from tests.domain.versioning.trees import Store, an_entry

pytestmark = pytest.mark.domain


def test_ten_changes_in_a_hundred_thousand_long_paths_add_little_and_ask_once_a_level() -> None:
    store = Store()
    entry = an_entry(123_456)
    paths = [
        f"projects/{i % 997:03d}-some-department/{i // 997:05d}/of_{i * 7919 % 100_003:06d}.pdf"
        for i in range(100_000)
    ]
    root = store.build(dict.fromkeys(paths, entry))

    edited = store.run(tree.edit(root, dict.fromkeys(paths[::10_000], an_entry())))

    assert sum(len(new.data) for new in edited.nodes.values()) <= 40 * 1024
    assert len(store.queries) == store.depth(root) <= 6
    store.nodes |= {node_id: new.data for node_id, new in edited.nodes.items()}
    assert len(store.run(tree.diff(root, edited.root)).deltas) == 10
    assert sum(store.queries) <= 2 * 10 * store.depth(root)
