"""Checks: what waits, what was decided, and verdicts."""

from libs.chassis.database import Database
from libs.chassis.rpc import serves
from libs.contracts.pages import fitting
from libs.contracts.storage import (
    CheckedContent,
    FileCheck,
    FileCheckList,
    GetCheck,
    GetCheckedContent,
    GiveVerdict,
    ListChecks,
)
from services.storage import checking
from services.storage.domain.errors import ContentGone
from services.storage.repository import buckets, pending


@serves(GetCheck)
async def get_check(request: GetCheck, db: Database) -> FileCheck:
    async with db.connection() as conn:
        bucket = await buckets.get_bucket(conn, request.bucket)
        found = await pending.get(conn, bucket.bucket_id, request.check_id)
    return found.info()


@serves(GetCheckedContent)
async def get_checked_content(request: GetCheckedContent, db: Database) -> CheckedContent:
    async with db.transaction() as tx:
        bucket = await buckets.get_open_for_share(tx, request.bucket)
        found = await pending.get_for_update(tx, bucket.bucket_id, request.check_id)
        if found.blob_id is None:
            raise ContentGone(f"{found.path!r} is {found.state}", check_id=str(found.check_id))
        place = await pending.get_place(tx, found.blob_id)
    return CheckedContent(check=found.info(), blob=place)


@serves(ListChecks)
async def list_checks(request: ListChecks, db: Database) -> FileCheckList:
    async with db.connection() as conn:
        bucket = await buckets.get_bucket(conn, request.bucket)
        found = await pending.list_page(
            conn,
            bucket.bucket_id,
            state=request.state,
            after=request.after,
            limit=request.limit + 1,
        )
    shown = list(fitting([one.info() for one in found[: request.limit]]))
    more = len(found) > len(shown)
    return FileCheckList(items=shown, next=shown[-1].check_id if more else None)


@serves(GiveVerdict)
async def give_verdict(request: GiveVerdict, db: Database) -> FileCheck:
    """Note a verdict; the last one to pass makes the file."""
    return (await checking.give_verdict(db, request)).info()
