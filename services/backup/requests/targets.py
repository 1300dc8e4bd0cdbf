"""Targets: register, list, forget."""

from libs.chassis.database import Database
from libs.chassis.rpc import serves
from libs.contracts.backup import CreateTarget, DeleteTarget, ListTargets, TargetInfo, TargetList
from libs.contracts.base import Done
from services.backup.domain.errors import TargetExists, TargetInUse
from services.backup.registering import register_target
from services.backup.repository import targets
from services.backup.settings import Settings
from services.backup.target_stores import TargetStores


@serves(CreateTarget)
async def create_target(
    request: CreateTarget, db: Database, stores: TargetStores, settings: Settings
) -> TargetInfo:
    async with db.connection() as conn:
        if await targets.find_target(conn, request.name) is not None:
            raise TargetExists(f"a target is named {request.name!r} already")
    target = await register_target(
        db,
        stores,
        name=request.name,
        url=request.url,
        actor=request.actor,
        timeout_s=settings.probe_timeout_s,
    )
    return target.info()


@serves(ListTargets)
async def list_targets(request: ListTargets, db: Database) -> TargetList:
    async with db.connection() as conn:
        found = await targets.list_targets(conn)
    return TargetList(items=[target.info() for target in found])


@serves(DeleteTarget)
async def delete_target(request: DeleteTarget, db: Database) -> Done:
    async with db.transaction() as tx:
        target = await targets.get_target_for_update(tx, request.name)
        if await targets.is_in_use(tx, target.target_id):
            raise TargetInUse(f"tasks of target {request.name!r} have not finished")
        await targets.delete_target(tx, target.target_id)
    return Done()
