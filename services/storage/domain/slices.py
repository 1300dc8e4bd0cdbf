"""The store's keys are sliced by the day an upload began: what is new can be listed by itself."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from services.storage.domain.uploads import BLOBS, begun_at, upload_of_key

LATE = timedelta(days=2)
"""How long before the last sweep slices are looked through once more."""


def slices_since(mark: datetime | None, till: datetime) -> Iterator[str]:
    """Yield the folders of the days to sweep, up to the one of ``till``.

    Without a mark nothing was ever swept: that is everything, as one folder.
    """
    if mark is None:
        yield BLOBS
        return
    day = (mark - LATE).date()
    while day <= till.date():
        yield f"{BLOBS}/{day:%Y/%m/%d}"
        day += timedelta(days=1)


def is_begun_before(key: str, before: datetime) -> bool:
    """Tell whether ``key`` is of an upload that began before then; no other key is ours."""
    upload_id = upload_of_key(key)
    return upload_id is not None and begun_at(upload_id) < before
