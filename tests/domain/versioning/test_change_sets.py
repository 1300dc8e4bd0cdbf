"""What storage is asked to change fits into messages."""

import msgspec
from msgspec.structs import replace

from libs.contracts.storage import PutContent, RemovePath, state_digest
from services.versioning.domain.change_sets import PART_BYTES, PART_PATHS, parts_of
from services.versioning.domain.tree import Entry

OLD = Entry(sha256=b"\1" * 32, size=3, content_type="text/plain")
NEW = replace(OLD, sha256=b"\2" * 32)


def test_each_path_is_changed_only_if_it_is_as_it_was() -> None:
    (part,) = parts_of({"b": NEW, "a": None, "c": NEW}, {"a": OLD, "b": OLD, "r": OLD}, ["r", "a"])

    assert part.changes == [
        RemovePath(path="a"),
        PutContent(path="b", sha256="02" * 32, content_type="text/plain"),
        PutContent(path="c", sha256="02" * 32, content_type="text/plain"),
    ]
    assert part.expect == {"c": None}
    assert part.expect_states == dict.fromkeys("abr", state_digest("01" * 32, "text/plain", {}, {}))


def test_parts_are_as_large_as_a_message_and_lose_nothing() -> None:
    states = {f"{'p' * 900}/{number:05}": NEW for number in range(2_000)}

    parts = parts_of(states, {}, [])

    assert [change.path for part in parts for change in part.changes] == sorted(states)
    assert {path for part in parts for path in part.expect} == states.keys()
    assert max(len(msgspec.json.encode(part)) for part in parts) < PART_BYTES * 2


def test_a_part_has_no_more_paths_than_are_answered_in_a_message() -> None:
    parts = parts_of({f"{number}": None for number in range(PART_PATHS + 1)}, {}, [])

    assert [len(part.changes) for part in parts] == [PART_PATHS, 1]
