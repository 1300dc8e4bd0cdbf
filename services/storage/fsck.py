"""The operator's command ``fsck``: do records and stores say the same, both ways?

It may run beside the service. What changes while it looks would seem to differ, so everything that
seems to differ is looked at once more by itself before it is reported. It repairs nothing.
"""

import argparse
import asyncio
import sys
from datetime import UTC, datetime
from uuid import UUID

from libs.blobs import Backends, BlobFailure, BlobNotFound, BlobStat
from libs.blobs.depot import Depot
from libs.chassis.arguments import argument
from libs.chassis.database import Database
from libs.contracts.problems import ServiceUnavailable
from libs.contracts.storage import Backend, BlobPlace
from services.storage.comparing import counted, unequal
from services.storage.domain.uploads import BLOBS, begun_at, upload_of_key
from services.storage.fsck_report import MOST_SHOWN, Report, as_json, as_table
from services.storage.repository import checks
from services.storage.repository.checks import StoredObject
from services.storage.repository.recounts import recount
from services.storage.scrubbing import Pace, find_damage
from services.storage.settings import Settings

BLOBS_AT_ONCE = 100
READ_AT_ONCE = 4
PATIENCE_S = 3600.0
"""A look at all rows takes longer than any request may."""


@argument("--json", action="store_true", help="print one JSON object")
@argument("--deep", action="store_true", help="read every byte, and prove it by its digest")
async def fsck(
    arguments: argparse.Namespace,
    backends: Backends,
    depot: Depot,
    settings: Settings,
) -> int:
    """Compare records and stores: exit 0 when equal, 1 when not, 3 when that cannot be told."""
    patient = Database(settings.database_url, statement_timeout_s=PATIENCE_S)
    try:
        async with patient as db:
            report = await check(db, backends, settings)
            if arguments.deep:
                await _check_bytes(db, depot, report)
    except BlobFailure as error:
        raise ServiceUnavailable(f"not checked: {error}") from error
    sys.stdout.write(as_json(report) if arguments.json else as_table(report))
    return 1 if report.differences else 0


async def check(db: Database, backends: Backends, settings: Settings) -> Report:
    """Go through all files, blobs and objects, and what sweepers are about to do."""
    report = Report()
    await _check_records(db, report)
    for backend in backends.names:
        await _check_objects(db, backends, backend, settings, report)
    return report


async def _check_records(db: Database, report: Report) -> None:
    async with db.connection() as conn:
        report.files.number, report.files.bytes = await checks.count_files(conn)
        for bucket, path in await checks.list_unlike_their_blob(conn, limit=MOST_SHOWN):
            report.add("file-content", f"{bucket}/{path}")
        for bucket, path in await checks.list_not_held(conn, limit=MOST_SHOWN):
            report.add("file-not-held", f"{bucket}/{path}")
        for bucket, sha256 in await checks.list_held_by_nobody(conn, limit=MOST_SHOWN):
            report.add("content-not-held", f"{bucket} {sha256}")
        for key in await checks.list_endangered(conn, limit=MOST_SHOWN):
            report.add("object-endangered", key)
        for key, damage in await checks.list_damaged(conn, limit=MOST_SHOWN):
            report.add("blob-quarantined", key, damage)
        for drift in await recount(conn):
            report.add("counter-off", drift.whose, drift.detail)


async def _check_objects(
    db: Database, backends: Backends, backend: Backend, settings: Settings, report: Report
) -> None:
    young = settings.begun_before_are_orphans(datetime.now(UTC))
    async with db.transaction(isolation="repeatable_read", readonly=True) as tx:
        rows = counted(checks.walk_objects(tx, backend), report.blobs)
        objects = counted(aiter(backends.store(backend).list(BLOBS)), report.objects)
        async for row, found in unequal(rows, objects, _differ):
            if row is not None:
                await _check_row(db, backends, backend, row, report)
            elif found is not None:
                await _check_object(db, backends, backend, found, young, report)


def _differ(row: StoredObject, found: BlobStat) -> bool:
    return row.overlap or row.size > found.size


async def _check_row(
    db: Database, backends: Backends, backend: Backend, row: StoredObject, report: Report
) -> None:
    """Look again: the object may have been listed before it was stored, or its blobs have moved."""
    if row.overlap:
        report.add("blobs-overlap", row.key)
    try:
        size = (await backends.store(backend).head(row.key)).size
    except BlobNotFound:
        size = None
    if size is not None and size >= row.size:
        return
    async with db.connection() as conn:
        if not await checks.holds_blobs(conn, row.key, backend):
            report.in_progress += 1
        elif size is None:
            report.add("object-missing", row.key, _in(backend))
        else:
            report.add("object-size", row.key, f"{size} bytes instead of {row.size}")


async def _check_object(
    db: Database,
    backends: Backends,
    backend: Backend,
    found: BlobStat,
    young: datetime,
    report: Report,
) -> None:
    """Look again: a blob committed meanwhile, an upload or a sweeper may name the object."""
    async with db.connection() as conn:
        named = await checks.is_named(conn, found.key)
    if named or _may_be_swept_yet(found.key, young):
        report.in_progress += 1
    elif await _is_there(backends, backend, found.key):
        report.add("object-unnamed", found.key, f"{found.size} bytes{_in(backend)}")


def _may_be_swept_yet(key: str, young: datetime) -> bool:
    """Tell whether the sweep of orphans will come to an object: it leaves new ones alone."""
    upload_id = upload_of_key(key)
    return upload_id is not None and begun_at(upload_id) >= young


async def _is_there(backends: Backends, backend: Backend, key: str) -> bool:
    try:
        await backends.store(backend).head(key)
    except BlobNotFound:
        return False
    return True


def _in(backend: Backend) -> str:
    return "" if backend == "primary" else f" in the {backend}"


async def _check_bytes(db: Database, depot: Depot, report: Report) -> None:
    """Read all blobs, a few at once."""
    after = UUID(int=0)
    at_once = asyncio.Semaphore(READ_AT_ONCE)
    while True:
        async with db.connection() as conn:
            places = await checks.list_places(conn, after=after, limit=BLOBS_AT_ONCE)
        if not places:
            return
        await asyncio.gather(*(_prove(db, depot, place, at_once, report) for place in places))
        after = places[-1].blob_id


async def _prove(
    db: Database, depot: Depot, place: BlobPlace, at_once: asyncio.Semaphore, report: Report
) -> None:
    async with at_once:
        damage = await find_damage(depot, place, Pace(float("inf")))
        report.proven.number += 1
        report.proven.bytes += place.stored_bytes
        if damage is None:
            return
        async with db.connection() as conn:
            if await checks.holds_blobs(conn, place.key, place.backend):
                report.add("blob-damaged", place.key, f"{damage}, at {place.offset}")
