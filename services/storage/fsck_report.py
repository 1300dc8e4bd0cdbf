"""What ``fsck`` found, for people and for programs."""

from typing import Literal

import msgspec
from msgspec import Struct, field

from services.storage.comparing import Count

Kind = Literal[
    "object-missing",
    "object-size",
    "object-unnamed",
    "object-endangered",
    "blobs-overlap",
    "blob-quarantined",
    "blob-damaged",
    "file-content",
    "file-not-held",
    "content-not-held",
    "counter-off",
]

MEANINGS: dict[Kind, str] = {
    "object-missing": "a blob's object is not in the store",
    "object-size": "a blob's object has another size than was stored",
    "object-unnamed": "nothing names an object in the store",
    "object-endangered": "an object in which blobs lie is to be deleted",
    "blobs-overlap": "two blobs lie at the same bytes of an object",
    "blob-quarantined": "a blob was found damaged before",
    "blob-damaged": "a blob's bytes are not those that were uploaded",
    "file-content": "a file says other than its blob",
    "file-not-held": "a bucket does not know the bytes of its file by their digest",
    "counter-off": "a counter of usage says other than a recount",
}
MOST_SHOWN = 1000


class Difference(Struct, frozen=True, kw_only=True):
    """One thing that is not as it should be."""

    kind: Kind
    what: str
    """The object's key, or ``bucket/path``."""
    detail: str = ""


class Report(Struct, kw_only=True):
    """What was compared, and what differs."""

    files: Count = field(default_factory=Count)
    blobs: Count = field(default_factory=Count)
    """Objects as blobs describe them."""
    objects: Count = field(default_factory=Count)
    proven: Count = field(default_factory=Count)
    """Blobs that were read, with ``--deep``."""
    in_progress: int = 0
    """Objects of uploads, and objects that a sweeper has still to delete."""
    differences: int = 0
    first_differences: list[Difference] = field(default_factory=list)

    def add(self, kind: Kind, what: str, detail: str = "") -> None:
        """Note a difference; the first ones are kept."""
        self.differences += 1
        if len(self.first_differences) < MOST_SHOWN:
            self.first_differences.append(Difference(kind=kind, what=what, detail=detail.strip()))


def as_json(report: Report) -> str:
    """Return one line of JSON."""
    return msgspec.json.encode(report).decode() + "\n"


def as_table(report: Report) -> str:
    """Return totals, each difference with its meaning, and how many there are."""
    lines = [f"{'':12}{'number':>14}{'bytes':>22}"]
    for name, count in (
        ("files", report.files),
        ("blobs", report.blobs),
        ("objects", report.objects),
        ("proven", report.proven),
    ):
        if name != "proven" or count.number:
            lines.append(f"{name:12}{count.number:>14,}{count.bytes:>22,}")
    lines.append(f"{report.in_progress:,} objects are of uploads or wait for a sweeper")
    for difference in report.first_differences:
        meaning = MEANINGS[difference.kind]
        lines.append(
            f"{difference.kind}: {meaning}: {difference.what} {difference.detail}".rstrip()
        )
    lines.append(f"{report.differences:,} differences")
    return "\n".join(lines) + "\n"
