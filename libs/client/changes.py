"""Changes of many files: cut into batches, each one transaction and one message of the platform."""

from collections.abc import Callable, Iterable, Iterator

import msgspec

from libs.contracts.storage import Change

BATCH_CHANGES = 500
BATCH_BYTES = 256 * 1024
"""A request and its answer must each fit into one message inside the platform (1 MiB)."""

OnBatch = Callable[[int], None]
"""Called with the number of changes in each batch that is done."""


def batches(changes: Iterable[Change]) -> Iterator[list[Change]]:
    """Yield ``changes`` in their order, as many at a time as go into one request."""
    batch: list[Change] = []
    weight = 0
    for change in changes:
        bytes_ = len(msgspec.json.encode(change))
        if batch and (len(batch) == BATCH_CHANGES or weight + bytes_ > BATCH_BYTES):
            yield batch
            batch, weight = [], 0
        batch.append(change)
        weight += bytes_
    if batch:
        yield batch
