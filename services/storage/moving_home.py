"""What the fallback took while the primary refused goes home to the primary, as a task.

What is left to do is in the tables, so another attempt just goes on, and two at once do no harm.
"""

from typing import Any

from msgspec import Struct

from libs.blobs import Backends, BlobFailure
from libs.chassis import outbox
from libs.chassis.bus import Bus
from libs.chassis.database import Database
from libs.contracts.ids import new_id
from libs.contracts.progress import FINAL_STATES, ListTasks, TaskRequested
from libs.worker import Task, runs
from services.storage.jobs import QUEUE
from services.storage.leading import leading
from services.storage.relocating import relocate
from services.storage.repository import relocating as rows
from services.storage.settings import Settings

BRING_HOME = "storage.bring_home"
ACTOR = "service:storage"


class BringHome(Struct, frozen=True, kw_only=True):
    """All that lies in the fallback."""


async def request_homecoming(db: Database, bus: Bus, backends: Backends) -> None:
    """Ask for the task when blobs lie in the fallback, the primary answers, and none is open."""
    async with leading(db, "homecoming") as alone:
        if not alone:
            return
        async with db.connection() as conn:
            if await rows.find_in_fallback(conn, "") is None:
                return
        if await _refuses(backends):
            return
        newest = await bus.ask(ListTasks(kind=BRING_HOME, limit=1))
        if all(task.state in FINAL_STATES for task in newest.items):
            async with db.transaction() as tx:
                await outbox.add(tx, _request())


@runs(BRING_HOME)
async def bring_home(
    task: Task, args: BringHome, db: Database, backends: Backends, settings: Settings
) -> dict[str, Any]:
    """Move object by object; what cannot be read is quarantined and left for the scrubber."""
    async with db.connection() as conn:
        there = await rows.count_in_fallback(conn)
    task.progress(done=0, total=there.objects, unit="items", current_step="moving to the primary")
    moved = left = 0
    key = ""
    while True:
        task.raise_if_cancelled()
        async with db.connection() as conn:
            found = await rows.find_in_fallback(conn, key)
            if found is None:
                return {"moved": moved, "left": left}
            key = found
            places = await rows.list_in_object(conn, key)
        home = bool(places) and await relocate(db, backends, settings, key, places)
        moved += home
        left += not home
        task.progress(done=moved, total=max(moved, there.objects))


async def _refuses(backends: Backends) -> bool:
    try:
        await backends.store("primary").check()
    except BlobFailure:
        return True
    return False


def _request() -> TaskRequested:
    return TaskRequested(
        task_id=new_id(),
        kind=BRING_HOME,
        queue=QUEUE,
        actor=ACTOR,
        title="Move what the fallback store took to the primary",
        args={},
    )
