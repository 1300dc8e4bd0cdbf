"""Git trees that change a little at a time, against a plain mapping of paths."""

import pytest
from dulwich.object_store import iter_tree_contents
from dulwich.objects import Blob, ObjectID
from dulwich.repo import MemoryRepo
from hypothesis import given
from hypothesis import strategies as st

from libs.client.failures import ClientFailure
from libs.client.git.objects import Entry, Objects, changed_tree

FILE = 0o100644
BLOBS = [Blob.from_string(str(number).encode()).id for number in range(3)]

names = st.sampled_from(["a", "b", "a.b", "a-b", "ab"])
paths = st.lists(names, min_size=1, max_size=3).map("/".join)
entries = st.tuples(st.sampled_from([FILE, 0o100755, 0o120000]), st.sampled_from(BLOBS))
edits = st.lists(st.dictionaries(paths, st.none() | entries, max_size=5), max_size=6)


def files(repo: MemoryRepo, tree: ObjectID) -> dict[str, Entry]:
    found = iter_tree_contents(repo.object_store, tree)
    return {one.path.decode(): (one.mode, one.sha) for one in found}


def fits(state: dict[str, Entry]) -> bool:
    return not any(other.startswith(f"{path}/") for path in state for other in state)


@given(edits=edits)
def test_a_tree_holds_exactly_what_was_put(edits: list[dict[str, Entry | None]]) -> None:
    repo = MemoryRepo()
    objects = Objects(repo)
    state: dict[str, Entry] = {}
    tree: ObjectID | None = None

    for edit in edits:
        after = {path: each for path, each in (state | edit).items() if each is not None}
        if not fits(after):
            with pytest.raises(ClientFailure):
                changed_tree(objects, tree, edit)
            continue
        tree, state = changed_tree(objects, tree, edit), after
        objects.flush()
        assert files(repo, tree) == state
        assert tree == changed_tree(objects, None, state)
