"""A merge of three trees is that of three dicts."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.versioning.domain import merging, tree
from services.versioning.domain.errors import ResolutionUnused
from services.versioning.domain.merging import Conflict, Resolution, Side, ThreeWay
from services.versioning.domain.tree import Entry
from tests.domain.versioning.trees import Store, an_entry, applied

pytestmark = pytest.mark.domain

PATHS = [f"{number % 3}/{number:02d}" for number in range(12)]
ENTRIES = st.sampled_from(
    [an_entry(), an_entry(1), an_entry(2), an_entry(1, metadata={"of": "another"})]
)
STATES = st.dictionaries(st.sampled_from(PATHS), ENTRIES)
CHANGES = st.dictionaries(st.sampled_from(PATHS), st.none() | ENTRIES)

Files = dict[str, Entry]


def merged(base: Files, ours: Files, theirs: Files) -> ThreeWay:
    """Merge as the service does: by how each side differs from the base."""
    store = Store()
    root, our_root, their_root = store.build(base), store.build(ours), store.build(theirs)
    return merging.merge(
        store.run(tree.diff(root, our_root)).deltas, store.run(tree.diff(root, their_root)).deltas
    )


def naively(base: Files, ours: Files, theirs: Files) -> tuple[Files, list[Conflict]]:
    """Merge dicts: what one side left alone is as the other side has it."""
    files: dict[str, Entry | None] = {}
    conflicts = []
    for path in sorted(base.keys() | ours.keys() | theirs.keys()):
        was, our, their = base.get(path), ours.get(path), theirs.get(path)
        if our == their or their == was:
            files[path] = our
        elif our == was:
            files[path] = their
        else:
            files[path] = our
            conflicts.append(Conflict(path, was, our, their))
    return {path: entry for path, entry in files.items() if entry is not None}, conflicts


@settings(max_examples=200)
@given(STATES, CHANGES, CHANGES)
def test_a_merge_is_that_of_the_entries(
    base: Files, our: dict[str, Entry | None], their: dict[str, Entry | None]
) -> None:
    ours, theirs = applied(base, our), applied(base, their)

    found = merged(base, ours, theirs)

    files, conflicts = naively(base, ours, theirs)
    assert applied(ours, found.states) == files
    assert found.conflicts == conflicts
    assert all(ours.get(path) != entry for path, entry in found.states.items())


@settings(max_examples=200)
@given(STATES, CHANGES, CHANGES, st.data())
def test_what_is_resolved_is_as_it_was_said(
    base: Files, our: dict[str, Entry | None], their: dict[str, Entry | None], data: st.DataObject
) -> None:
    ours, theirs = applied(base, our), applied(base, their)
    files, conflicts = naively(base, ours, theirs)
    answers: st.SearchStrategy[Resolution] = st.sampled_from(["ours", "theirs"])
    resolutions = {
        conflict.path: data.draw(answers | st.none() | ENTRIES)
        for conflict in conflicts
        if data.draw(st.booleans())
    }
    otherwise: Side | None = data.draw(st.sampled_from([None, "ours", "theirs"]))

    found = merging.resolve(merged(base, ours, theirs), resolutions, otherwise)

    sides = {"ours": ours, "theirs": theirs}
    wanted: dict[str, Entry | None] = {}
    for conflict in conflicts:
        chosen = resolutions.get(conflict.path, otherwise or "ours")
        wanted[conflict.path] = (
            sides[chosen].get(conflict.path) if isinstance(chosen, str) else chosen
        )
    assert applied(ours, found.states) == applied(files, wanted)
    assert found.conflicts == [
        conflict for conflict in conflicts if conflict.path not in resolutions and otherwise is None
    ]
    assert all(ours.get(path) != entry for path, entry in found.states.items())


def test_the_same_change_on_both_sides_is_no_conflict() -> None:
    base = {"changed": an_entry(), "removed": an_entry()}
    both = {"changed": an_entry(1), "added": an_entry(2)}

    assert merged(base, both, both) == ThreeWay({}, [], frozenset({"changed", "removed", "added"}))


def test_metadata_is_a_change_like_any_other() -> None:
    base = {"plan": an_entry()}
    labelled = {"plan": an_entry(metadata={"for": "ann"})}

    assert merged(base, base, labelled).states == labelled
    (conflict,) = merged(base, {"plan": an_entry(1)}, labelled).conflicts
    assert (conflict.ours, conflict.theirs) == (an_entry(1), labelled["plan"])


def test_a_change_against_a_removal_is_a_conflict_on_either_side() -> None:
    base = {"plan": an_entry()}
    changed = {"plan": an_entry(1)}

    assert merged(base, changed, {}).conflicts == [Conflict("plan", an_entry(), an_entry(1), None)]
    assert merged(base, {}, changed).conflicts == [Conflict("plan", an_entry(), None, an_entry(1))]


def test_a_resolution_without_a_conflict_is_refused_by_name() -> None:
    found = merged({}, {"both": an_entry(1)}, {"both": an_entry(2), "theirs": an_entry()})

    with pytest.raises(ResolutionUnused) as refused:
        merging.resolve(found, {"both": "ours", "theirs": "theirs", "nowhere": None})

    assert refused.value.fields["paths"] == ["nowhere", "theirs"]


@settings(max_examples=200)
@given(STATES, CHANGES, CHANGES, CHANGES)
def test_only_what_two_bases_disagree_about_is_disputed(
    base: Files,
    another: dict[str, Entry | None],
    our: dict[str, Entry | None],
    their: dict[str, Entry | None],
) -> None:
    ours, theirs = applied(base, our), applied(base, their)
    one, other = merged(base, ours, theirs), merged(applied(base, another), ours, theirs)

    disputed = merging.disputed(one, other)
    settled = merging.with_conflicts(
        one, [Conflict(path, base.get(path), ours.get(path), theirs.get(path)) for path in disputed]
    )

    assert merging.disputed(one, one) == frozenset()
    in_conflict = [conflict.path for conflict in settled.conflicts]
    assert in_conflict == sorted({conflict.path for conflict in one.conflicts} | disputed)
    assert not settled.states.keys() & set(in_conflict)
    for path, entry in settled.states.items():
        assert other.states[path] == entry == theirs.get(path)
