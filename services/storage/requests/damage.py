"""Damaged bytes: reported by who could not read them, and listed for who has to act."""

from libs.chassis.database import Database
from libs.chassis.rpc import serves
from libs.contracts.base import Done
from libs.contracts.storage import ListQuarantined, QuarantineList, ReportDamage
from services.storage.quarantine import quarantine
from services.storage.repository import scrubs


@serves(ReportDamage)
async def report_damage(request: ReportDamage, db: Database) -> Done:
    """Believe it at once; the scrubber proves it in its next round, or lifts the quarantine."""
    async with db.transaction() as tx:
        await quarantine(tx, request.blob, request.reason, proved=False)
    return Done()


@serves(ListQuarantined)
async def list_quarantined(request: ListQuarantined, db: Database) -> QuarantineList:
    async with db.connection() as conn:
        found = await scrubs.list_quarantined(conn, after=request.after, limit=request.limit + 1)
    shown = found[: request.limit]
    return QuarantineList(items=shown, next=shown[-1].blob_id if len(found) > len(shown) else None)
