"""The operator's command ``fsck``: do records and store say the same, both ways?

It may run beside the service. What changes while it looks would seem to differ, so everything that
seems to differ is looked at once more by itself before it is reported.
"""

import argparse
import sys
from datetime import UTC, datetime
from typing import Literal

import msgspec
from msgspec import Struct, field

from libs.blobs import BlobFailure, BlobNotFound, BlobStat, BlobStore
from libs.chassis.arguments import argument
from libs.chassis.database import Database
from libs.contracts.problems import ServiceUnavailable
from services.storage.comparing import Count, counted, unequal
from services.storage.domain.uploads import BLOBS, begun_at, upload_of_key
from services.storage.repository import checks
from services.storage.repository.checks import StoredObject
from services.storage.settings import Settings

Kind = Literal["object-missing", "object-size", "object-unnamed", "file-content"]

MEANINGS: dict[Kind, str] = {
    "object-missing": "a blob's object is not in the store",
    "object-size": "a blob's object has another size than was stored",
    "object-unnamed": "nothing names an object in the store",
    "file-content": "a file says other than its blob",
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
    objects: Count = field(default_factory=Count)
    in_progress: int = 0
    """Objects of uploads, and objects that a sweeper has still to delete."""
    differences: int = 0
    first_differences: list[Difference] = field(default_factory=list)

    def add(self, kind: Kind, what: str, detail: str = "") -> None:
        """Note a difference; the first ones are kept."""
        self.differences += 1
        if len(self.first_differences) < MOST_SHOWN:
            self.first_differences.append(Difference(kind=kind, what=what, detail=detail))


@argument("--json", action="store_true", help="print one JSON object")
async def fsck(
    arguments: argparse.Namespace, db: Database, store: BlobStore, settings: Settings
) -> int:
    """Compare records and store: exit 0 when equal, 1 when not, 3 when that cannot be told."""
    try:
        report = await check(db, store, settings)
    except BlobFailure as error:
        raise ServiceUnavailable(f"not checked: {error}") from error
    sys.stdout.write(_as_json(report) if arguments.json else _as_table(report))
    return 1 if report.differences else 0


async def check(db: Database, store: BlobStore, settings: Settings) -> Report:
    """Go through all files, blobs and objects."""
    report = Report()
    await _check_files(db, report)
    await _check_blobs(db, store, settings, report)
    return report


async def _check_files(db: Database, report: Report) -> None:
    async with db.connection() as conn:
        report.files.number, report.files.bytes = await checks.count_files(conn)
        for bucket, path in await checks.list_unlike_their_blob(conn, limit=MOST_SHOWN):
            report.add("file-content", f"{bucket}/{path}")


async def _check_blobs(db: Database, store: BlobStore, settings: Settings, report: Report) -> None:
    young = settings.begun_before_are_orphans(datetime.now(UTC))
    async with db.transaction(isolation="repeatable_read", readonly=True) as tx:
        rows = counted(checks.walk_objects(tx), report.blobs)
        objects = counted(aiter(store.list(BLOBS)), report.objects)
        async for row, found in unequal(rows, objects):
            if row is not None:
                await _check_row(store, row, report)
            elif found is not None:
                await _check_object(db, store, found, young, report)


async def _check_row(store: BlobStore, row: StoredObject, report: Report) -> None:
    """Look again: the object may have been listed before it was stored, or out of order."""
    try:
        found = await store.head(row.key)
    except BlobNotFound:
        report.add("object-missing", row.key)
        return
    if found.size < row.size:
        report.add("object-size", row.key, f"{found.size} bytes instead of {row.size}")


async def _check_object(
    db: Database, store: BlobStore, found: BlobStat, young: datetime, report: Report
) -> None:
    """Look again: a blob committed meanwhile, an upload or a sweeper may name the object."""
    async with db.connection() as conn:
        named = await checks.is_named(conn, found.key)
    if named or _may_be_swept_yet(found.key, young):
        report.in_progress += 1
    elif await _is_there(store, found.key):
        report.add("object-unnamed", found.key, f"{found.size} bytes")


def _may_be_swept_yet(key: str, young: datetime) -> bool:
    """Tell whether the sweep of orphans will come to an object: it leaves new ones alone."""
    upload_id = upload_of_key(key)
    return upload_id is not None and begun_at(upload_id) >= young


async def _is_there(store: BlobStore, key: str) -> bool:
    try:
        await store.head(key)
    except BlobNotFound:
        return False
    return True


def _as_json(report: Report) -> str:
    return msgspec.json.encode(report).decode() + "\n"


def _as_table(report: Report) -> str:
    lines = [f"{'':12}{'number':>14}{'bytes':>22}"]
    for name, count in (
        ("files", report.files),
        ("blobs", report.blobs),
        ("objects", report.objects),
    ):
        lines.append(f"{name:12}{count.number:>14,}{count.bytes:>22,}")
    lines.append(f"{report.in_progress:,} objects are of uploads or wait for a sweeper")
    for difference in report.first_differences:
        meaning = MEANINGS[difference.kind]
        lines.append(
            f"{difference.kind}: {meaning}: {difference.what} {difference.detail}".rstrip()
        )
    lines.append(f"{report.differences:,} differences")
    return "\n".join(lines) + "\n"
