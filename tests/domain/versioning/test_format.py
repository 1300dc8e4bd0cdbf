"""The stored format is what ``docs/versioning-format.md`` says, for ever."""

import json
import re
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.versioning.domain import commits, tags, tree
from services.versioning.domain.commits import Commit, CommitId
from services.versioning.domain.tags import Tag
from services.versioning.domain.tree import Entry, NodeId
from services.versioning.domain.tree.boundary import MIN_ITEMS, ends_node
from tests.domain.versioning import reference
from tests.domain.versioning.trees import Store, an_entry

pytestmark = pytest.mark.domain

PAGE = Path(__file__).parents[3] / "docs" / "versioning-format.md"


def example(title: str) -> Any:
    """The JSON below a heading of the page."""
    found = re.search(
        rf"^### {title}$.*?```json\n(.*?)```", PAGE.read_text(), re.DOTALL | re.MULTILINE
    )
    assert found is not None
    return json.loads(found[1])


def test_the_empty_tree_is_the_documented_one() -> None:
    expected = example("The empty tree")

    assert tree.EMPTY.node_id.hex() == expected["id"]
    assert tree.EMPTY.data.hex() == expected["bytes"]


def test_a_leaf_is_written_and_read_as_documented() -> None:
    expected = example("A leaf")
    entries = {
        path: Entry(**said | {"sha256": bytes.fromhex(said["sha256"])})
        for path, said in expected["entries"].items()
    }

    (leaf,) = tree.build(sorted(entries.items()))

    assert leaf.data.hex() == expected["bytes"]
    assert leaf.node_id.hex() == expected["id"]
    assert tree.decode(leaf.node_id, leaf.data) == leaf.node


def test_nodes_end_where_documented() -> None:
    keys = [f"file-{number:03d}" for number in range(60)]

    for level, expected in example("Boundaries").items():
        assert [k for k in keys if ends_node(int(level), k.encode(), MIN_ITEMS)] == expected


def test_a_tree_has_the_documented_root() -> None:
    expected = example("A tree")
    entries = {
        f"dir-{i % 10}/file-{i:04d}.txt": Entry(
            sha256(f"content {i}".encode()).digest(), i, "text/plain"
        )
        for i in range(1000)
    }

    nodes = list(tree.build(sorted(entries.items())))

    levels = [new.node.level for new in nodes]
    assert [levels.count(level) for level in range(levels[-1] + 1)] == expected["levels"]
    assert sum(len(new.data) for new in nodes) == expected["stored_bytes"]
    assert nodes[-1].data.hex() == expected["root"]
    assert nodes[-1].node_id.hex() == expected["id"]


def test_a_commit_is_written_and_read_as_documented() -> None:
    expected = example("A commit")
    commit = Commit(
        tree=NodeId(bytes.fromhex(expected["tree"])),
        parents=tuple(CommitId(bytes.fromhex(parent)) for parent in expected["parents"]),
        author=expected["author"],
        committed_at=datetime.fromisoformat(expected["committed_at"]),
        operation=expected["operation"],
        message=expected["message"],
        metadata=expected["metadata"],
    )

    data = commits.encode(commit)

    assert data.hex() == expected["bytes"]
    assert commits.id_of(data).hex() == expected["id"]
    assert commits.decode(commits.id_of(data), data) == commit


def test_a_tag_is_written_and_read_as_documented() -> None:
    expected = example("A tag")
    tag = Tag(
        name=expected["name"],
        commit_id=CommitId(bytes.fromhex(expected["commit"])),
        author=expected["author"],
        tagged_at=datetime.fromisoformat(expected["tagged_at"]),
        message=expected["message"],
        metadata=expected["metadata"],
    )

    data = tags.encode(tag)

    assert data.hex() == expected["bytes"]
    assert tags.id_of(data).hex() == expected["id"]
    assert tags.decode(data) == tag


@settings(max_examples=20)
@given(
    st.sets(st.text(alphabet="ab/é\U0001f600", min_size=1, max_size=150), max_size=40),
    st.integers(0, 500),
)
def test_the_page_alone_gives_the_same_nodes(odd: set[str], count: int) -> None:
    paths = sorted(odd | {f"{number:b}/{number}" for number in range(count)})
    entries = {path: an_entry(number) for number, path in enumerate(paths)}

    store = Store()
    root = store.build(entries)

    written = reference.tree(
        [(path, entry.size, b"\x02" + entry.sha256) for path, entry in entries.items()]
    )
    assert list(written)[-1] == root
    if paths:
        assert written == store.nodes
