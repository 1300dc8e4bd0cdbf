"""The store's keys are sliced by the day an upload began: what is new can be listed by itself."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import NamedTuple

from services.storage.domain.uploads import BLOBS, begun_at, upload_of_key

LATE = timedelta(days=2)
"""How long before the end of the last sweep slices are looked through once more."""


class Mark(NamedTuple):
    """How far a sweep has come."""

    first_at: datetime
    """When it ran first; what is older was never this database's to know."""
    swept_till: datetime


class Span(NamedTuple):
    """The uploads that a sweep looks at, by when they began."""

    since: datetime
    till: datetime

    def slices(self) -> Iterator[str]:
        """Yield the folders of the days, none when it is too early to sweep."""
        day = self.since.date()
        while day <= self.till.date():
            yield f"{BLOBS}/{day:%Y/%m/%d}"
            day += timedelta(days=1)

    def holds(self, key: str) -> bool:
        """Tell whether ``key`` is of an upload that began in this span; no other key is ours."""
        upload_id = upload_of_key(key)
        return upload_id is not None and self.since <= begun_at(upload_id) < self.till


def to_sweep(mark: Mark, till: datetime) -> Span:
    """Return what the next sweep has to look at."""
    return Span(max(mark.first_at, mark.swept_till - LATE), till)
