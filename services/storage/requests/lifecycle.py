"""Lifecycle: what the rules of a bucket will delete, when, and which of them."""

from libs.chassis.database import Database
from libs.chassis.rpc import serves
from libs.contracts.pages import fitting
from libs.contracts.paths import check_search_text
from libs.contracts.storage import ExpiryList, PreviewLifecycle
from services.storage.repository import buckets, lifecycle

LOOKED_AT_ONCE = 20_000
"""Files that one page looks at, at most: rules may mean few of many."""


@serves(PreviewLifecycle)
async def preview_lifecycle(request: PreviewLifecycle, db: Database) -> ExpiryList:
    check_search_text(request.start_after, "start_after")
    async with db.connection() as conn:
        bucket = await buckets.get_bucket(conn, request.bucket)
        if not bucket.settings.lifecycle:
            return ExpiryList(items=[])
        found, till = await lifecycle.find_expiries(
            conn,
            bucket.bucket_id,
            bucket.settings.lifecycle,
            start_after=request.start_after,
            looked_at=LOOKED_AT_ONCE,
            most=request.limit,
        )
    items = [one.expiry for one in found]
    shown = list(fitting(items))
    if len(shown) < len(items):
        till = shown[-1].path
    return ExpiryList(items=shown, next=till)
