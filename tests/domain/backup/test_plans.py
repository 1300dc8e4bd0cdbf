import pytest

from services.backup.domain.copying import blobs_to_copy
from services.backup.domain.damage import MAX_LISTED, DamagedFile, DamageReport
from services.backup.domain.restoring import RestoreState, Selection, changes, first_of_each
from tests.domain.backup.builders import exported, manifest_file, sha256

pytestmark = pytest.mark.domain


def test_the_same_bytes_are_copied_once() -> None:
    files = [exported("a", "same"), exported("b", "same"), exported("c", "other")]

    blobs = blobs_to_copy(files, present=set())

    assert [(blob.path, blob.sha256) for blob in blobs] == [
        ("a", sha256("same")),
        ("c", sha256("other")),
    ]


def test_what_the_target_has_is_not_copied() -> None:
    files = [exported("a", "old"), exported("b", "new")]

    blobs = blobs_to_copy(files, present={sha256("old")})

    assert [blob.path for blob in blobs] == ["b"]


def test_a_selection_of_nothing_special_wants_everything() -> None:
    assert Selection().wants("any/path")


def test_paths_and_prefix_both_have_to_fit() -> None:
    selection = Selection(prefix="a/", paths=frozenset({"a/1", "b/1"}))

    wanted = [path for path in ("a/1", "a/2", "b/1") if selection.wants(path)]

    assert wanted == ["a/1"]


def test_missing_bytes_are_brought_by_one_file_and_shared_by_the_others() -> None:
    files = [manifest_file("a", "lost"), manifest_file("b", "lost"), manifest_file("c", "there")]

    bringing = first_of_each(files, {sha256("lost")})

    assert [file.path for file in bringing] == ["a"]
    assert [change.path for change in changes(files, damaged=set())] == ["a", "b", "c"]


def test_files_with_damaged_bytes_are_left_as_they_are() -> None:
    files = [manifest_file("a", "damaged"), manifest_file("b", "whole")]

    wanted = changes(files, damaged={sha256("damaged")})

    assert [change.path for change in wanted] == ["b"]


def test_a_restore_counts_what_changed_and_what_could_not_come_back() -> None:
    state = RestoreState()
    files = [
        manifest_file("a", "changed"),
        manifest_file("b", "equal"),
        manifest_file("c", "damaged"),
    ]

    state.count(files, {"a"}, {sha256("damaged"): "missing"})

    assert (state.restored, state.restored_bytes) == (1, len("changed"))
    assert state.seen_bytes == len("changed") + len("equal") + len("damaged")
    assert state.after == "c"
    assert state.damage.names() == [{"path": "c", "sha256": sha256("damaged"), "damage": "missing"}]


def test_all_damaged_files_are_counted_and_the_first_are_named() -> None:
    report = DamageReport()

    for number in range(MAX_LISTED + 5):
        report.add(DamagedFile(path=f"{number}", sha256=sha256("x"), damage="damaged"))

    assert report.files == MAX_LISTED + 5
    assert len(report.names()) == MAX_LISTED
