from libs.client.changes import BATCH_BYTES, BATCH_CHANGES, batches
from libs.contracts.storage import Change, MovePath, RemovePath


def removals(count: int) -> list[Change]:
    return [RemovePath(path=f"{number}") for number in range(count)]


def test_changes_keep_their_order_over_all_batches() -> None:
    changes = removals(2 * BATCH_CHANGES + 1)

    cut = list(batches(changes))

    assert [len(batch) for batch in cut] == [BATCH_CHANGES, BATCH_CHANGES, 1]
    assert [change for batch in cut for change in batch] == changes


def test_long_paths_make_smaller_batches() -> None:
    long = "ü" * 512
    moves: list[Change] = [MovePath(source=f"{long}{n}", path=long) for n in range(300)]

    cut = list(batches(moves))

    assert [change for batch in cut for change in batch] == moves
    assert all(len(batch) * 2 * 1024 <= BATCH_BYTES for batch in cut)


def test_nothing_is_no_batch() -> None:
    assert list(batches([])) == []
